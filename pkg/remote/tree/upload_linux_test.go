// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// dialNobody connects by a helper of another user to a process of its own.
func dialNobody(t *testing.T) *rootfs.Root {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	root, err := rootfs.Dial(t.Context(), helper.User{UID: helper.Nobody}, rootfs.Where{PID: helper.NobodysProcess(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// put has a stage take files, whose contents are their paths.
func put(t *testing.T, s transfer.Stage, files ...transfer.File) {
	t.Helper()
	parts := make([]transfer.Part, len(files))
	for i, f := range files {
		if f.Mtime = time.Unix(1e9, 0); f.Mode.IsRegular() {
			f.Size = int64(len(f.Path))
		}
		parts[i] = transfer.Part{File: f}
	}
	errs, err := s.Put(t.Context(), parts, func(r transfer.Receiver) error {
		for i, f := range parts {
			if !f.Mode.IsRegular() {
				continue
			}
			if err := errors.Join(r.Data(i, 0, []byte(f.Path)), r.Done(i, f.Size, nil)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

// empty waits until a directory has nothing but the names given.
func empty(t *testing.T, dir string, but ...string) {
	t.Helper()
	var names []string
	for range 2400 {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if strings.Join(names, "\n") == strings.Join(but, "\n") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s has %q, want %q", dir, names, but)
}

// What a stage holds survives connections that break, one after the other, with directories that nobody may write in.
func TestAStageIsTakenOver(t *testing.T) {
	trees := map[string][]transfer.File{
		"file": {{Path: "."}},
		"tree": {
			{Path: ".", Mode: fs.ModeDir | 0o555},
			{Path: "ro", Mode: fs.ModeDir | 0o555},
			{Path: "ro/f", Mode: 0o444},
			{Path: ".h", Mode: 0o644},
			{Path: "l", Mode: fs.ModeSymlink | 0o777, Target: "ro"},
			{Path: "new\nline", Mode: 0o600},
		},
	}
	for _, id := range []string{".shareproc-x", ".shareproc-x.partial"} {
		for name, files := range trees {
			t.Run(name+id, func(t *testing.T) {
				dir := helper.OpenTo(t)
				if err := os.Chmod(dir, 0o777); err != nil {
					t.Fatal(err)
				}
				root := dialNobody(t)
				s, err := Destination(root, PackAuto).Stage(t.Context(), dir, id, false)
				if err != nil {
					t.Fatal(err)
				}
				put(t, s, files...)
				for range 2 {
					root.Close()
					listed := map[string]bool{}
					for f, err := range s.List(t.Context()) {
						if err != nil || f.Err != nil {
							t.Fatal(err, f.Err)
						}
						listed[f.Path] = true
					}
					for _, f := range files {
						if !listed[f.Path] || len(listed) != len(files) {
							t.Fatalf("%q: there is %v", f.Path, listed)
						}
					}
				}
				var directories []transfer.File
				for _, f := range files {
					if f.Mode.IsDir() {
						f.Mtime = time.Unix(1e9, 0)
						directories = append(directories, f)
					}
				}
				errs, err := s.Commit(t.Context(), directories, []transfer.Move{{From: ".", To: "new"}})
				if err := errors.Join(append(errs, err, s.Close(t.Context(), false))...); err != nil {
					t.Fatal(err)
				}
				if info, err := os.Lstat(filepath.Join(dir, "new")); err != nil || info.Mode() != files[0].Mode || info.ModTime().Unix() != 1e9 {
					t.Errorf("%v, %v", info, err)
				}
				empty(t, dir, "new")
			})
		}
	}
}

// A watchedRunner says when a command has ended.
type watchedRunner struct {
	remote.Runner
	ended chan<- error
}

func (r watchedRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	err := r.Runner.Run(ctx, argv, stdin, stdout, stderr)
	r.ended <- err
	return err
}

// What a copy left whose program is gone without a trace, as where a container is started again, is taken away by the next one there;
// what another one works in, or will go on with, stays.
func TestNextCopyTakesAwayWhatIsLeft(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			ended := make(chan error, 8)
			lost := func(id, scope string) {
				t.Helper()
				root := dial(t, watchedRunner{r, ended}, rootfs.Where{PID: os.Getpid(), Scope: scope})
				s, err := Destination(root, PackAuto).Stage(t.Context(), dir, id, false)
				if err != nil {
					t.Fatal(err)
				}
				put(t, s, transfer.File{Path: ".", Mode: fs.ModeDir | 0o555}, transfer.File{Path: "f"})
			}
			// A program is killed with all that belongs to it: its helper was.
			kill := func(id string) {
				t.Helper()
				text, err := os.ReadFile(filepath.Join(dir, id, "by"))
				if err != nil {
					t.Fatal(err)
				}
				group, err := syscall.Getpgid(atoi(t, strings.Fields(string(text))[2]))
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				<-ended
			}
			for _, id := range []string{".shareproc-dead", ".shareproc-kept.partial"} {
				lost(id, "uid/web")
				kill(id)
			}
			lost(".shareproc-other", "uid/side")
			kill(".shareproc-other")
			lost(".shareproc-lives", "uid/web")
			trees.Plant(t, dir, map[string]string{".shareproc-foreign/x": "x"})
			root := dial(t, r, rootfs.Where{PID: os.Getpid(), Scope: "uid/web"})
			report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), transfer.Input(strings.NewReader("x"), nil), transfer.Options{Source: "-", Dest: filepath.Join(dir, "made")})
			if err != nil || report.Failed > 0 {
				t.Fatal(report, err)
			}
			empty(t, dir, ".shareproc-foreign", ".shareproc-kept.partial", ".shareproc-lives", ".shareproc-other", "made")
		})
	}
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A link that is copied by itself is no way out of the stage, wherever it leads.
func TestStageOfALinkHasNothingElse(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			trees.Plant(t, dir, map[string]string{"victim/a": "A"})
			s, err := Destination(dialSelf(t, r), PackAuto).Stage(t.Context(), dir, ".shareproc-x", false)
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, transfer.File{Path: ".", Mode: fs.ModeSymlink | 0o777, Target: "../victim"})
			var listed []string
			for f, err := range s.List(t.Context()) {
				if err != nil || f.Target != "../victim" {
					t.Errorf("%+v, %v", f, err)
				}
				listed = append(listed, f.Path)
			}
			if len(listed) != 1 || listed[0] != "." {
				t.Errorf("the stage has %q", listed)
			}
			if err := errors.Join(s.Remove(t.Context(), []string{"a"}), s.Close(t.Context(), false)); err != nil {
				t.Fatal(err)
			}
			empty(t, dir, "victim")
			empty(t, dir+"/victim", "a")
		})
	}
}

// What a client leaves in the middle of sending is taken away after a while, unless it is for another copy.
func TestACutUploadLeavesNothing(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := dialSelf(t, r)
			to := newTree(root, PackAuto, "n", "w")
			to.grace = "1"
			for id, left := range map[string][]string{".shareproc-x": nil, ".shareproc-x.partial": {".shareproc-x.partial"}} {
				dir := t.TempDir()
				s, err := to.Stage(t.Context(), dir, id, false)
				if err != nil {
					t.Fatal(err)
				}
				cut := errors.New("cut")
				_, err = s.Put(t.Context(), []transfer.Part{{File: transfer.File{Path: ".", Size: 100}}}, func(r transfer.Receiver) error {
					return errors.Join(r.Data(0, 0, []byte("the beginning")), cut)
				})
				if !errors.Is(err, cut) {
					t.Fatal(err)
				}
				s.(*stage).release()
				empty(t, dir, left...)
			}
		})
	}
}

// Another user's helper writes where that user may, and nowhere else; it moves directories that it may not write in.
func TestUploadsOfAnotherUser(t *testing.T) {
	source := t.TempDir()
	trees.Plant(t, source, map[string]string{"tree/sub/f": "x", "tree/g": "y"})
	for _, name := range []string{"tree/sub", "tree"} {
		if err := os.Chmod(filepath.Join(source, name), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	root := dialNobody(t)
	for mode, want := range map[fs.FileMode]error{0o755: fs.ErrPermission, 0o777 | fs.ModeSticky: nil} {
		dir := helper.OpenTo(t)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: source + "/tree", Dest: dir + "/new"})
		if !errors.Is(err, want) || report.Failed > 0 {
			t.Errorf("into %v: %+v, %v; want %v", mode, report, err, want)
		}
		if err != nil {
			empty(t, dir)
			continue
		}
		for name, mode := range map[string]fs.FileMode{"new": 0o555, "new/sub": 0o555, "new/sub/f": 0o644} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		empty(t, dir, "new")
	}
}

// A file replaces a file or a link, and nothing else.
func TestFilesReplaceFilesAndLinks(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{
				"src/a": "a", "src/d": "d", "src/p": "p", "src/l": "l", "src/dl": "dl", "src/sub/x": "x", "src/under/y": "y",
				"dst/a": "old", "dst/d/keep": "K", "dst/l": "-> ../elsewhere", "dst/dl": "-> ../outside", "dst/sub": "-> ../outside", "dst/under/y/keep": "K", "outside/": "",
			})
			if err := syscall.Mkfifo(dir+"/dst/p", 0o600); err != nil {
				t.Fatal(err)
			}
			failed := map[string]error{}
			_, err := transfer.Copy(t.Context(), Destination(dialSelf(t, r), PackAuto), localfs.Tree(), transfer.Options{
				Source: dir + "/src/.", Dest: dir + "/dst", Report: func(path string, err error) { failed[path] = err },
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"d", "p", "sub", "under/y"} {
				if failed[path] == nil {
					t.Errorf("%s replaced what it must not", path)
				}
				delete(failed, path)
			}
			delete(failed, "sub/x") // it goes with its directory
			want := map[string]string{
				"a": "a", "d/": "", "d/keep": "K", "p": fs.ModeNamedPipe.String(), "l": "l", "dl": "dl", "sub": "-> ../outside",
				"under/": "", "under/y/": "", "under/y/keep": "K",
			}
			if got := trees.Harvest(t, dir+"/dst"); !maps.Equal(got, want) || len(failed) > 0 {
				t.Errorf("there is\n%s\nfailed: %v", trees.Shown(got), failed)
			}
			empty(t, dir+"/outside")
		})
	}
}

// A disk that is full is named, and gets back what it had.
func TestAFullDisk(t *testing.T) {
	source := t.TempDir()
	trees.Plant(t, source, map[string]string{"big": strings.Repeat("x", 2<<20), "tree/a": strings.Repeat("a", 60<<10)})
	for i := range 30 {
		trees.Plant(t, source, map[string]string{"tree/" + strings.Repeat("n", i+1): strings.Repeat("b", 60<<10)})
	}
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			disk := t.TempDir()
			if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
				t.Skip("to make a small disk needs root:", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
			root := dialSelf(t, r)
			for _, name := range []string{"big", "tree"} {
				_, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: source + "/" + name, Dest: disk + "/new"})
				if !errors.Is(err, remote.ErrFull) {
					t.Errorf("%s: %v", name, err)
				}
				empty(t, disk)
			}
		})
	}
}

// No link of the target's leads what is written through one that only the kernel can follow.
func TestUploadsFollowNoLinkOfTheKernels(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{"fd": "-> /proc/self/fd/0", "root": "-> /proc/self/root" + dir, "cwd": "-> /proc/1/cwd", "src": "x", "dst/": ""})
			root := dialSelf(t, r)
			for _, dest := range []string{"fd", "root/dst", "root/dst/new", "cwd/new"} {
				if _, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: dir + "/src", Dest: dir + "/" + dest}); !errors.Is(err, transfer.ErrInTheWay) {
					t.Errorf("%s: %v", dest, err)
				}
			}
			empty(t, dir+"/dst")
			empty(t, dir, "cwd", "dst", "fd", "root", "src")
		})
	}
}
