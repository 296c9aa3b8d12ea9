// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conform

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// checkCopy holds what a copy has made on this side to the oracle: what came, as what, and what is said not to have come.
func (v *View) checkCopy(t *testing.T) {
	t.Helper()
	for _, directory := range []string{"/small", "/denied"} {
		dest := t.TempDir() + "/copy"
		failed := map[string]error{}
		report, err := transfer.Copy(t.Context(), localfs.Tree(), tree.Source(v.Root, tree.PackAuto), transfer.Options{
			Source: v.Path + directory, Dest: dest, Preserve: true,
			Report: func(path string, err error) { failed[below(directory, path)] = err },
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Look(dest)
		if err != nil {
			t.Fatal(err)
		}
		files, denied := v.readable(directory)
		copied := 0
		for path, f := range v.Oracle {
			if path != directory && !strings.HasPrefix(path, directory+"/") || v.Oracle.hidden(v.User, path) {
				continue
			}
			came := got[strings.TrimPrefix(path, directory)]
			if came != nil {
				copied++
			}
			switch kind := f.kind(); {
			case kind == syscall.S_IFREG && files[path] == nil, v.Oracle.shut(v.User, path):
				if !errors.Is(failed[path], fs.ErrPermission) || came != nil && kind == syscall.S_IFREG {
					t.Errorf("%q cannot be read, and that is not said: %v", path, failed[path])
				}
			case kind != syscall.S_IFREG && kind != syscall.S_IFDIR && kind != syscall.S_IFLNK:
				if !errors.Is(failed[path], transfer.ErrKind) || came != nil {
					t.Errorf("%q is no file, and that is not said: %v", path, failed[path])
				}
				denied++
			case came == nil:
				t.Errorf("%q is missing: %v", path, failed[path])
			default:
				compareCopy(t, path, came, f)
				if err := failed[path]; err != nil && (os.Getuid() == 0 || !errors.Is(err, transfer.ErrOwner)) {
					t.Errorf("%q is there, and is said to fail: %v", path, err)
				}
			}
		}
		if len(got) != copied || report.Copied != copied || report.Failed != len(failed) || len(failed) < denied || denied == 0 && len(failed) > 0 && os.Getuid() == 0 {
			t.Errorf("%s: %d files, %+v, want %d, and %d not copied: %v", directory, len(got), report, copied, denied, failed)
		}
	}
}

// below is a path of a copy as the oracle has it.
func below(directory, name string) string {
	if name == "." {
		return directory
	}
	return directory + "/" + name
}

// compareCopy holds what a copy keeps to the original. Owners, and the bits that go with them, are for root to give.
func compareCopy(t *testing.T, name string, got, want *File) {
	t.Helper()
	mask := uint32(0o7777 | syscall.S_IFMT)
	if os.Getuid() != 0 {
		mask &^= syscall.S_ISUID | syscall.S_ISGID
	} else if got.Stat.Uid != want.Stat.Uid || got.Stat.Gid != want.Stat.Gid {
		t.Errorf("%q is owned by %d:%d, want %d:%d", name, got.Stat.Uid, got.Stat.Gid, want.Stat.Uid, want.Stat.Gid)
	}
	if got.Stat.Mode&mask != want.Stat.Mode&mask || got.Target != want.Target || got.Sum != want.Sum || got.Content != want.Content {
		t.Errorf("%.300q: came as %+v, want %+v", name, got.Stat, want.Stat)
	}
	if kind := got.kind(); kind != syscall.S_IFLNK && !got.Mtime().Equal(want.Mtime()) {
		t.Errorf("%q is of %v, want %v", name, got.Mtime(), want.Mtime())
	} else if kind == syscall.S_IFREG && got.Stat.Nlink != want.Stat.Nlink {
		t.Errorf("%q has %d names, want %d", name, got.Stat.Nlink, want.Stat.Nlink)
	}
	if got.Stat.Size >= 1<<20 && want.Stat.Blocks*512 < 1<<20 && got.Stat.Blocks*512 > 1<<20 {
		t.Errorf("%q has lost its holes: %d blocks", name, got.Stat.Blocks)
	}
}

// CheckFS holds the tree's root as an fs.FS to what io/fs promises. It costs about a hundred requests.
func (v *View) CheckFS(ctx context.Context, t *testing.T) {
	t.Helper()
	plain, err := fs.Sub(rootfs.FS(ctx, v.Root), strings.TrimPrefix(path.Join(v.Path, "plain"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(plain, "a", "b/c", "b/d", "é", "link"); err != nil {
		t.Error(err)
	}
}
