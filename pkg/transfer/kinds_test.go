// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// both copies and compares all that is kept of each file.
func both(t *testing.T, o transfer.Options) (from, to map[string]transfer.File) {
	t.Helper()
	_, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), o)
	check(t, err)
	return described(t, o.Source), described(t, o.Dest)
}

func described(t *testing.T, path string) map[string]transfer.File {
	t.Helper()
	r, err := localfs.Tree().Open(t.Context(), path)
	check(t, err)
	all := map[string]transfer.File{}
	for f, err := range r.List(t.Context()) {
		check(t, err)
		all[f.Path] = f
	}
	return all
}

// Modes, times, hard links, holes and links are what they were; setuid only where owners are kept.
func TestWhatIsKept(t *testing.T) {
	for _, preserve := range []bool{false, true} {
		dir := t.TempDir()
		source := filepath.Join(dir, "source")
		example(t, source)
		check(t, os.WriteFile(filepath.Join(source, "program"), []byte("x"), 0o600))
		check(t, os.Chmod(filepath.Join(source, "program"), 0o750|fs.ModeSetuid))
		if os.Geteuid() == 0 {
			check(t, os.Chown(filepath.Join(source, "a"), 1234, 4321))
		}
		hole, err := os.Create(filepath.Join(source, "hole"))
		check(t, err)
		_, err = hole.WriteAt([]byte("middle"), 3<<20)
		check(t, err)
		check(t, hole.Truncate(9<<20))
		check(t, hole.Close())
		check(t, os.Chmod(filepath.Join(source, "sub/deep"), 0o500))
		check(t, os.Chmod(filepath.Join(source, "sub"), 0o777|fs.ModeSticky))
		check(t, filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type()&fs.ModeSymlink == 0 {
				err = os.Chtimes(path, time.Time{}, time.Unix(1e9, 123456789))
			}
			return err
		}))
		dest := filepath.Join(dir, "dest")
		t.Cleanup(func() {
			check(t, errors.Join(os.Chmod(filepath.Join(source, "sub/deep"), 0o700), os.Chmod(filepath.Join(dest, "sub/deep"), 0o700)))
		})
		from, to := both(t, transfer.Options{Source: source, Dest: dest, Preserve: preserve})
		if len(from) != len(to) {
			t.Errorf("%d files became %d", len(from), len(to))
		}
		for name, f := range from {
			mode, now := f.Mode, to[name]
			if !preserve {
				mode &^= fs.ModeSetuid
			}
			if link := f.Mode&fs.ModeSymlink != 0; now.Mode != mode || now.Target != f.Target || !link && !now.Mtime.Equal(f.Mtime) || f.Mode.IsRegular() && now.Size != f.Size {
				t.Errorf("%s: %+v became %+v", name, f, now)
			}
			if preserve && (now.UID != f.UID || now.GID != f.GID) {
				t.Errorf("%s: owner %d:%d became %d:%d", name, f.UID, f.GID, now.UID, now.GID)
			}
		}
		for _, pair := range [][2]string{{"sub/b", "sub/hard"}, {"big", "bighard"}} {
			if a, b := to[pair[0]].Inode, to[pair[1]].Inode; a == "" || a != b {
				t.Errorf("%s are two files now", pair)
			}
		}
		if blocks := to["hole"].Blocks; blocks < 0 || blocks*512 > 1<<20 {
			t.Errorf("the hole has %d blocks", blocks)
		}
		trees.Same(t, trees.Harvest(t, dest), trees.Harvest(t, source))
		trees.Only(t, dir, "source", "dest")
	}
}

// Pipes, sockets and devices are named, and the rest is there.
func TestOtherKindsAreNamed(t *testing.T) {
	dir := t.TempDir()
	source, dest := filepath.Join(dir, "source"), filepath.Join(dir, "dest")
	trees.Plant(t, source, map[string]string{"a": "A", "sub/b": "B"})
	check(t, syscall.Mkfifo(filepath.Join(source, "sub/pipe"), 0o600))
	heard := reports{}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: source, Dest: dest, Report: heard.add})
	if err != nil || report.Failed != 1 || !errors.Is(heard["sub/pipe"], transfer.ErrKind) {
		t.Errorf("%+v, %v, %v", report, err, heard)
	}
	trees.Same(t, trees.Harvest(t, dest), map[string]string{"a": "A", "sub/": "", "sub/b": "B"})
}

// Directories that are there keep their modes, and what is in them; links in them are replaced, and never written through.
func TestMergeKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{
		"source/sub/a": "new", "source/sub/in/b": "B", "source/sub/new/c": "C", "dest/sub/a": "-> ../../victim", "dest/sub/keep": "K", "dest/sub/in/": "", "victim": "safe",
	})
	check(t, os.Chmod("source/sub/in", 0o555))
	check(t, os.Chmod("source/sub/new", 0o555))
	check(t, os.Chmod("dest/sub/in", 0o711))
	t.Cleanup(func() {
		for _, name := range []string{"source/sub/in", "source/sub/new", "dest/sub/new"} {
			check(t, os.Chmod(filepath.Join(dir, name), 0o700))
		}
	})
	_, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source/.", Dest: "dest"})
	check(t, err)
	if info, err := os.Stat("dest/sub/in"); err != nil || info.Mode().Perm() != 0o711 {
		t.Error(info, err)
	}
	if info, err := os.Stat("dest/sub/new"); err != nil || info.Mode().Perm() != 0o555 {
		t.Error(info, err)
	}
	trees.Same(t, trees.Harvest(t, "dest"), map[string]string{
		"sub/": "", "sub/a": "new", "sub/in/": "", "sub/in/b": "B", "sub/new/": "", "sub/new/c": "C", "sub/keep": "K",
	})
	trees.Only(t, dir, "source", "dest", "victim")
	if data, err := os.ReadFile("victim"); err != nil || string(data) != "safe" {
		t.Errorf("%q, %v", data, err)
	}
}

// Links become what they lead to; those that lead nowhere or in a circle are named.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{
		"out/file": "far", "out/in/x": "X", "out/back": "-> ../source", "source/l": "-> ../out/file", "source/d": "-> ../out", "source/self": "-> .",
		"source/none": "-> nowhere", "source/a": "A", "source/chain": "-> l",
	})
	heard := reports{}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source", Dest: "dest", Follow: true, Report: heard.add})
	check(t, err)
	trees.Same(t, trees.Harvest(t, "dest"), map[string]string{"l": "far", "chain": "far", "a": "A", "d/": "", "d/file": "far", "d/in/": "", "d/in/x": "X"})
	if report.Failed != 3 || !errors.Is(heard["self"], transfer.ErrLoop) || !errors.Is(heard["d/back"], transfer.ErrLoop) || !errors.Is(heard["none"], fs.ErrNotExist) {
		t.Error(report, heard)
	}
}

// A file that cannot be replaced is named, and the rest goes on.
func TestWhatCannotBeMovedIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"source/a": "A", "source/x": "X", "dest/a/in": "the way"})
	check(t, syscall.Mkfifo("dest/x", 0o600))
	trees.Plant(t, dir, map[string]string{"source/z": "Z"})
	heard := reports{}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source/.", Dest: "dest", Report: heard.add})
	if err != nil || report.Failed != 2 || !errors.Is(heard["a"], transfer.ErrInTheWay) || !errors.Is(heard["x"], transfer.ErrInTheWay) {
		t.Error(report, err, heard)
	}
	trees.Same(t, trees.Harvest(t, "dest"), map[string]string{"a/": "", "a/in": "the way", "x": fs.ModeNamedPipe.String(), "z": "Z"})
	trees.Only(t, "dest", "a", "x", "z")
}

// What -p could not keep is named, and there.
func TestOwnerThatIsNotKeptIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"source/a": "A", "source/sub/b": "B", "source/sub/l": "-> b"})
	heard := reports{}
	report, err := transfer.Copy(t.Context(), unprivileged{localfs.Tree()}, localfs.Tree(), transfer.Options{Source: "source", Dest: "dest", Preserve: true, Report: heard.add})
	if err != nil || report.Failed != 5 || report.Copied != 5 || !errors.Is(heard["sub/b"], transfer.ErrOwner) || !errors.Is(heard["."], transfer.ErrOwner) {
		t.Error(report, err, heard)
	}
	trees.Same(t, trees.Harvest(t, "dest"), trees.Harvest(t, "source"))
}

// unprivileged may not give files away.
type unprivileged struct{ transfer.Tree }

func (u unprivileged) Stage(ctx context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	s, err := u.Tree.Stage(ctx, directory, id, preserve)
	return unprivilegedStage{s}, err
}

type unprivilegedStage struct{ transfer.Stage }

func (u unprivilegedStage) Put(ctx context.Context, parts []transfer.Part, fill func(transfer.Receiver) error) ([]error, error) {
	errs, err := u.Stage.Put(ctx, parts, fill)
	for i := range errs {
		errs[i] = transfer.ErrOwner
	}
	return errs, err
}
