// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// linked makes a tree of links, beside what some of them lead to.
func linked(t *testing.T, folder string) {
	t.Helper()
	for _, dir := range []string{"source/sub", "beside/deep"} {
		check(t, os.MkdirAll(filepath.Join(folder, dir), 0o755))
	}
	for name, text := range map[string]string{"source/a": "A", "beside/b": "B", "beside/deep/c": "C"} {
		check(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o640))
	}
	for name, target := range map[string]string{
		"source/file": "a", "source/abs": folder + "/beside/b", "source/sub/chain": "../file", "source/dir": "../beside", "source/sub/new\nline": "../../beside/deep",
		"source/gone": "no/where", "source/self": "self", "source/up": ".", "source/sub/root": "..", "beside/back": "../source", "source/device": "/dev/null",
	} {
		check(t, os.Symlink(target, filepath.Join(folder, name)))
	}
}

// followedTree is what comes of it.
func followedTree(t *testing.T, dest string) {
	t.Helper()
	for name, want := range map[string]string{
		"a": "A", "file": "A", "abs": "B", "sub/chain": "A", "dir/b": "B", "dir/deep/c": "C", "sub/new\nline/c": "C",
	} {
		text, err := os.ReadFile(filepath.Join(dest, name))
		if err != nil || string(text) != want {
			t.Errorf("%q: %q, %v", name, text, err)
		}
		if info, err := os.Lstat(filepath.Join(dest, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%q is no file: %v", name, err)
		}
	}
}

// With Follow there are no links in a copy, and those that lead nowhere or in a circle are named.
func TestDownloadFollowsLinks(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder, err := filepath.EvalSymlinks(t.TempDir())
			check(t, err)
			linked(t, folder)
			dest := filepath.Join(folder, "dest")
			for range 2 {
				failed := reports{}
				check(t, pullAgain(t.Context(), r, folder+"/source", dest, Options{Report: failed.add}, procfs.Copying{Follow: true, Resume: true}))
				followedTree(t, dest)
				for name, want := range map[string]error{
					"gone": fs.ErrNotExist, "self": procfs.ErrLoop, "up": procfs.ErrLinkLoop, "sub/root": procfs.ErrLinkLoop, "dir/back": procfs.ErrLinkLoop, "device": procfs.ErrSpecial,
				} {
					if !errors.Is(failed[name], want) {
						t.Errorf("%s: %v, want %v", name, failed[name], want)
					}
				}
				if len(failed) != 6 {
					t.Errorf("reported: %v", failed)
				}
			}
			onlyThese(t, folder, "source", "beside", "dest")
		})
	}
}

func TestUploadFollowsLinks(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder, err := filepath.EvalSymlinks(t.TempDir())
			check(t, err)
			linked(t, folder)
			dest := filepath.Join(folder, "dest")
			failed := reports{}
			check(t, pushAgain(t.Context(), r, folder+"/source", dest, Options{Report: failed.add, Follow: true}, procfs.Copying{}))
			followedTree(t, dest)
			for name, want := range map[string]error{
				"gone": fs.ErrNotExist, "self": syscall.ELOOP, "up": procfs.ErrLinkLoop, "sub/root": procfs.ErrLinkLoop, "dir/back": procfs.ErrLinkLoop, "device": ErrKind,
			} {
				if !errors.Is(failed[name], want) {
					t.Errorf("%s: %v, want %v", name, failed[name], want)
				}
			}
			onlyThese(t, folder, "source", "beside", "dest")
		})
	}
}
