// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// readArchive gives the entries, in order, and how the reading ended.
func readArchive(r io.Reader) (entries []*tar.Header, err error) {
	reader := tar.NewReader(r)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, reader)
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, h)
	}
}

// What tar(1) makes of an archive is what was there.
func TestArchiveIsExact(t *testing.T) {
	for _, gnu := range []bool{false, true} {
		dir := t.TempDir()
		source, file, dest := filepath.Join(dir, "source"), filepath.Join(dir, "a.tar"), filepath.Join(dir, "dest")
		example(t, source)
		check(t, syscall.Mkfifo(filepath.Join(source, "fifo"), 0o640))
		check(t, os.Chmod(filepath.Join(source, "sub"), 0o1750|fs.ModeSetgid))
		check(t, os.Chtimes(filepath.Join(source, "sub"), time.Time{}, time.Unix(1e9, 5)))
		out, err := os.Create(file)
		check(t, err)
		report, err := transfer.Copy(t.Context(), transfer.NewArchive(out, gnu, source), localfs.Tree(), transfer.Options{Source: source, Dest: source})
		if err != nil || report.Failed > 0 {
			t.Fatal(report, err)
		}
		check(t, out.Close())
		check(t, os.Mkdir(dest, 0o755))
		if text, err := exec.CommandContext(t.Context(), "tar", "-xpf", file, "-C", dest).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v: %s", err, text)
		}
		want, got := described(t, source), described(t, filepath.Join(dest, source))
		if len(want) != len(got) {
			t.Errorf("%d files became %d", len(want), len(got))
		}
		for name, f := range want {
			now := got[name]
			if gnu {
				f.Mtime = f.Mtime.Truncate(time.Second)
			}
			if now.Mode != f.Mode || now.Target != f.Target || f.Mode&fs.ModeSymlink == 0 && !now.Mtime.Equal(f.Mtime) || (f.Inode == "") != (now.Inode == "") {
				t.Errorf("%s: %+v became %+v", name, f, now)
			}
		}
		trees.Same(t, trees.Harvest(t, filepath.Join(dest, source)), trees.Harvest(t, source))
	}
}

// A made is a Tree of one directory with given files, whose contents are zeros, or end with an error.
type made struct {
	transfer.Tree
	files []transfer.File
	fails map[string]error
}

func (m made) Stat(_ context.Context, path string, _ bool) (transfer.File, error) {
	return transfer.File{Path: path, Mode: fs.ModeDir | 0o755}, nil
}
func (m made) Open(context.Context, string) (transfer.Reader, error) { return m, nil }
func (m made) List(context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		if !yield(transfer.File{Path: ".", Mode: fs.ModeDir | 0o755}, nil) {
			return
		}
		for _, f := range m.files {
			f.Mode |= 0o644
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (m made) Sum(_ context.Context, parts []transfer.Part) ([]transfer.Sum, error) {
	return make([]transfer.Sum, len(parts)), nil
}

func (m made) Read(_ context.Context, parts []transfer.Part, r transfer.Receiver) error {
	for i, part := range parts {
		if part.Size > 3 {
			if err := r.Data(i, part.From, []byte("abc")); err != nil {
				return err
			}
		}
		if err := r.Done(i, part.Size, m.fails[part.Path]); err != nil {
			return err
		}
	}
	return nil
}

// A large file that turns out not to be whole is not taken for one by any reader; the others are there.
func TestDamagedFileSpoilsTheArchive(t *testing.T) {
	const spoolSize = 1 << 20
	for _, size := range []int64{100, spoolSize + 1} {
		var out bytes.Buffer
		heard := reports{}
		src := made{files: []transfer.File{
			{Path: "a", Size: 4},
			{Path: "log", Size: size},
			{Path: "z", Size: spoolSize + 2},
			{Path: "socket", Mode: fs.ModeSocket},
			{Path: "null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Rdev: [2]uint32{1, 3}},
		}, fails: map[string]error{"log": transfer.ErrChanged}}
		report, err := transfer.Copy(t.Context(), transfer.Limited(&out, "/etc", spoolSize), src, transfer.Options{Source: "/etc", Dest: "/etc", Report: heard.add})
		if err != nil || report.Failed != 2 || !errors.Is(heard["log"], transfer.ErrChanged) || !errors.Is(heard["socket"], transfer.ErrKind) {
			t.Fatal(report, err, heard)
		}
		entries, err := readArchive(bytes.NewReader(out.Bytes()))
		names := ""
		for _, h := range entries {
			names += fmt.Sprintf("%c%s ", h.Typeflag, h.Name)
		}
		if size <= spoolSize {
			if err != nil || names != "0etc/a 3etc/null 0etc/z 5etc/ " {
				t.Error(names, err)
			}
			continue
		}
		if err == nil || names != "0etc/a 3etc/null 0etc/log 0etc/z 5etc/ " || !strings.Contains(heard["log"].Error(), "incomplete") {
			t.Error(names, err, heard["log"])
		}
		for _, reader := range tarReaders() {
			cmd := exec.CommandContext(t.Context(), reader[0], reader[1:]...)
			cmd.Stdin = bytes.NewReader(out.Bytes())
			if text, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("%q has nothing to say: %s", reader, text)
			}
		}
	}
}

// tarReaders are the programs of this machine that read archives.
func tarReaders() [][]string {
	readers := [][]string{{"tar", "-tf", "-"}}
	if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
		readers = append(readers, []string{busybox, "tar", "-tf", "-"})
	}
	for name, args := range map[string][]string{
		"bsdtar":  {"-tf", "-"},
		"python3": {"-c", "import sys, tarfile\nfor m in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'): pass"},
	} {
		if path, err := exec.LookPath(name); err == nil {
			readers = append(readers, append([]string{path}, args...))
		}
	}
	return readers
}

// Over a line that breaks, an archive is whole, or no reader takes it for whole. A large file goes on where it broke.
func TestArchiveOverBrokenLines(t *testing.T) {
	dir := t.TempDir()
	example(t, dir)
	large, err := os.Create(filepath.Join(dir, "large"))
	check(t, err)
	_, err = large.WriteAt([]byte(strings.Repeat("x", 1<<20)), 1<<20)
	check(t, err)
	check(t, large.Close())
	whole := 0
	for trial := range 32 {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(trial)))
			l := &line{random: random, kind: []string{"cut", "stall"}[trial%2], left: random.Int64N(1 << 20), next: func() int64 {
				if trial%4 == 0 {
					return 1 << 40
				}
				return random.Int64N(1 << 19)
			}}
			var out bytes.Buffer
			report, err := transfer.Copy(t.Context(), transfer.Limited(&out, dir, 1<<20), far{Tree: localfs.Tree(), line: l}, transfer.Options{Source: dir, Dest: dir})
			entries, bad := readArchive(&out)
			seen := map[string]bool{}
			for _, h := range entries {
				if seen[h.Name] {
					t.Errorf("%s is there twice", h.Name)
				}
				seen[h.Name] = true
			}
			switch {
			case err == nil && (report.Failed != 0 || bad != nil || len(entries) != len(described(t, dir))), err != nil && report.To != "" && out.Len() > 0 && bad == nil:
				t.Errorf("trial %d: %+v, %v; %d entries, %v", trial, report, err, len(entries), bad)
			case err == nil:
				whole++
			}
		})
	}
	if whole < 8 || whole == 32 {
		t.Errorf("%d are whole", whole)
	}
}

// Numbers that the oldest format has no place for.
func TestArchiveTakesLargeNumbers(t *testing.T) {
	for _, gnu := range []bool{false, true} {
		r, w := io.Pipe()
		mtime := time.Unix(1700000000, 123456789)
		src := made{files: []transfer.File{{Path: "huge", Mode: 0o755 | fs.ModeSetuid, UID: 1000680000, GID: 4000000000, Size: 9 << 30, Mtime: mtime}}}
		go func() {
			_, err := transfer.Copy(t.Context(), transfer.NewArchive(w, gnu, "/"), src, transfer.Options{Source: "/", Dest: "/"})
			w.CloseWithError(err)
		}()
		h, err := tar.NewReader(r).Next()
		check(t, err)
		r.Close()
		if gnu {
			mtime = mtime.Truncate(time.Second)
		}
		if h.Name != "huge" || h.Uid != 1000680000 || h.Gid != 4000000000 || h.Size != 9<<30 || h.Mode != 0o4755 || !h.ModTime.Equal(mtime) {
			t.Errorf("gnu %v: %+v", gnu, h)
		}
	}
}
