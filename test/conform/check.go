// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// A View is a tree of Build as it is seen through a helper.
type View struct {
	Root *rootfs.Root
	// Path is the tree's place in the target. It has no links, and no slash at its end.
	Path   string
	User   User
	Oracle Oracle
	// Every is the step at which single files are asked for: each costs a request.
	Every int
}

// Check compares everything that remote offers with the oracle.
func (v *View) Check(t *testing.T) {
	t.Helper()
	for name, check := range map[string]func(*testing.T){
		"walk": v.checkWalk, "read": v.checkRead, "sum": v.checkSum, "grep": v.checkGrep, "copy": v.checkCopy,
	} {
		t.Run(name, check)
	}
}

// below is a path of the target in the tree.
func (v *View) below(t *testing.T, path string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(path, v.Path)
	if !ok {
		t.Errorf("%.300q is not below %q", path, v.Path)
	}
	return rest
}

// failures sorts what a reading says of paths.
func (v *View) failures(t *testing.T, err error) map[string]error {
	t.Helper()
	failed := map[string]error{}
	tree, ok := errors.AsType[*rootfs.TreeError](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	if !ok {
		return failed
	}
	if tree.Count != len(tree.Failures) {
		t.Errorf("%d failures, %d of them named", tree.Count, len(tree.Failures))
	}
	for _, failure := range tree.Failures {
		named, ok := errors.AsType[*fs.PathError](failure)
		if !ok {
			t.Errorf("a failure without a path: %v", failure)
			continue
		}
		failed[v.below(t, named.Path)] = named.Err
	}
	return failed
}

func (v *View) checkWalk(t *testing.T) {
	t.Helper()
	got := map[string]rootfs.Entry{}
	_, err := v.Root.Walk(t.Context(), v.Path, rootfs.WalkOptions{LinkTargets: true}, func(path string, e rootfs.Entry) error {
		below := v.below(t, path)
		if _, twice := got[below]; twice {
			t.Errorf("%.300q comes twice", below)
		}
		got[below] = e
		return nil
	})
	failed := v.failures(t, err)
	long := false
	for path, f := range v.Oracle {
		e, ok := got[path]
		switch {
		case v.Oracle.hidden(v.User, path):
			long = long || !ok && len(path) > tooLong
		case !ok:
			t.Errorf("%.300q is missing", path)
		case e.Stat() == nil:
			t.Errorf("%.300q has no facts", path)
		default:
			compare(t, path, e.Stat(), f)
			if v.Oracle.shut(v.User, path) && !errors.Is(failed[path], fs.ErrPermission) {
				t.Errorf("%q is closed, and that is not said: %v", path, failed[path])
			}
		}
	}
	for path := range got {
		if v.Oracle[path] == nil {
			t.Errorf("%.300q is not there", path)
		}
	}
	for path, err := range failed {
		if v.Oracle[path] == nil || !v.Oracle.hidden(v.User, path) && !v.Oracle.shut(v.User, path) {
			t.Errorf("%.300q is said to fail: %v", path, err)
		}
		long = long && !errors.Is(err, remote.ErrNameTooLong)
	}
	if long {
		t.Error("paths too long are missing, and that is not said")
	}
}

// compare holds facts to those of lstat(2).
func compare(t *testing.T, path string, got *remote.Stat, f *File) {
	t.Helper()
	want := f.Stat
	if got.Mode != want.Mode || got.UID != want.Uid || got.GID != want.Gid || got.Ino != want.Ino || got.Dev != want.Dev ||
		fmt.Sprint(got.Nlink) != fmt.Sprint(want.Nlink) || got.Size != want.Size || !got.Mtime.Equal(f.Mtime()) || got.LinkTarget != f.Target {
		t.Errorf("%.300q: got %+v, want %+v", path, got, f)
	}
	if kind := f.kind(); kind == syscall.S_IFCHR || kind == syscall.S_IFBLK {
		if uint64(got.RdevMajor)<<8|uint64(got.RdevMinor) != want.Rdev {
			t.Errorf("%q is device %d:%d, want %#x", path, got.RdevMajor, got.RdevMinor, want.Rdev)
		}
	}
	if got.Size > 8<<30 && got.Blocks*512 > 1<<20 {
		t.Errorf("%q is sparse, and has %d blocks", path, got.Blocks)
	}
}

func (v *View) checkRead(t *testing.T) {
	t.Helper()
	read := func(below string) (string, error) {
		var content bytes.Buffer
		_, err := v.Root.Read(t.Context(), v.Path+below, func(rootfs.Info) (io.Writer, error) { return &content, nil })
		return content.String(), err
	}
	for i, name := range Names() {
		if i%v.Every != 0 {
			continue
		}
		below := "/small/names/" + name
		if content, err := read(below); err != nil || content != v.Oracle[below].Content {
			t.Errorf("%q: %q, %v", below, content, err)
		}
	}
	_, entries, err := v.Root.ReadDir(t.Context(), v.Path+"/small/names")
	if err != nil || len(entries) != len(Names()) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		below := "/small/names/" + e.Name()
		if f := v.Oracle[below]; f == nil || e.Stat() == nil {
			t.Errorf("%q: an entry of nothing", below)
		} else {
			compare(t, below, e.Stat(), f)
		}
	}
	secret := error(nil)
	if !v.User.may(v.Oracle["/denied/secret"], mayRead) {
		secret = fs.ErrPermission
	}
	for below, want := range map[string]error{
		"/small/kinds/fifo": remote.ErrSpecial, "/small/kinds/socket": remote.ErrSpecial, "/small/links/loop": remote.ErrLoop, "/small/links/relative": nil,
		"/small/links/dangling": fs.ErrNotExist, "/denied/secret": secret, "/small/empty": nil, "/small/empty directory": remote.ErrIsDirectory, "/small/empty/": remote.ErrNotDirectory,
	} {
		if content, err := read(below); !errors.Is(err, want) || want == nil && below == "/denied/secret" && content != "secret" {
			t.Errorf("%s: %q, %v; want %v", below, content, err, want)
		}
	}
}

// readable are the regular files below a directory of the tree that a user may read, and how many he may not.
func (v *View) readable(directory string) (may map[string]*File, denied int) {
	may = map[string]*File{}
	for path, f := range v.Oracle {
		switch {
		case !strings.HasPrefix(path, directory+"/") || v.Oracle.hidden(v.User, path):
		case v.Oracle.shut(v.User, path):
			denied++
		case f.kind() != syscall.S_IFREG:
		case v.User.may(f, mayRead):
			may[path] = f
		default:
			denied++
		}
	}
	return may, denied
}

func (v *View) checkSum(t *testing.T) {
	t.Helper()
	for _, directory := range []string{"/small", "/denied"} {
		want, denied := v.readable(directory)
		got := 0
		_, err := rootfs.Sum(t.Context(), v.Root, v.Path+directory, rootfs.SumOptions{Recursive: true}, func(path string, sum [32]byte) error {
			below := v.below(t, path)
			if f := want[below]; f == nil || f.Sum != sum {
				t.Errorf("%q: a wrong sum", below)
			}
			got++
			return nil
		})
		if failed := v.failures(t, err); got != len(want) || len(failed) < denied || (denied == 0) != (len(failed) == 0) {
			t.Errorf("%s: %d sums, want %d; %d failures, want %d: %v", directory, got, len(want), len(failed), denied, failed)
		}
	}
}

func (v *View) checkGrep(t *testing.T) {
	t.Helper()
	got := map[string]bool{}
	pattern, _, _ := strings.Cut(Needle, "\t")
	_, err := rootfs.Grep(t.Context(), v.Root, v.Path+"/small", rootfs.GrepOptions{Pattern: pattern, Recursive: true}, func(m rootfs.Match) error {
		below := v.below(t, m.Path)
		got[below] = true
		if f := v.Oracle[below]; f == nil || m.Line != 2 || strings.Split(f.Content, "\n")[1] != m.Text {
			t.Errorf("a wrong match: %+v", m)
		}
		return nil
	})
	v.failures(t, err)
	for _, name := range Names() {
		if !got["/small/names/"+name] {
			t.Errorf("no match in %q", name)
		}
	}
	if len(got) != len(Names()) {
		t.Errorf("matches in %d files, want %d", len(got), len(Names()))
	}
}
