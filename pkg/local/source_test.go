// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// push copies name into this process's root.
func push(ctx context.Context, r procfs.Runner, name, path string, o Options) error {
	source, err := Source(name, o)
	if err != nil {
		return err
	}
	_, err = procfs.Push(ctx, r, procfs.Where{PID: os.Getpid(), Path: path}, source)
	return err
}

// whole takes the fractions of seconds from the times, which the helper cannot set.
func whole(all map[string]string) map[string]string {
	for name, text := range all {
		words := strings.SplitN(text, " ", 3)
		if len(words) > 1 && len(words[1]) > 9 && !strings.HasPrefix(text, "->") {
			words[1] = words[1][:len(words[1])-9]
			all[name] = strings.Join(words, " ")
		}
	}
	return all
}

func TestUploadIsExact(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			grow(t, source)
			check(t, os.Chtimes(filepath.Join(source, "sizes/1"), fixed, fixed)) // tar has no times before 1970
			check(t, os.Chtimes(filepath.Join(source, "sizes"), fixed, fixed))
			failed := reports{}
			check(t, push(t.Context(), r, source, dest, Options{Report: failed.add}))
			kept := fs.ModeType | fs.ModePerm
			want := whole(oracle(t, source, kept))
			compare(t, whole(oracle(t, dest, kept)), want)
			check(t, push(t.Context(), r, source+"/.", dest, Options{Report: failed.add}))
			got := whole(oracle(t, dest, kept))
			for name, text := range want { // directories have changed
				if !strings.HasPrefix(text, "d") && got[name] != text {
					t.Errorf("%q: got %q, want %q", name, got[name], text)
				}
			}
			if len(failed) > 0 {
				t.Errorf("reported: %v", failed)
			}
			onlyThese(t, folder, "source", "dest")
		})
	}
}

func TestUploadOfOneFile(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "fi le\n")
			for _, size := range []int{0, 1, 1 << 20, 5<<20 + 7} {
				check(t, os.WriteFile(file, []byte(strings.Repeat("x\x00\n0\n", size/5+1)[:size]), 0o640))
				check(t, os.Chtimes(file, fixed, fixed))
				check(t, os.MkdirAll(filepath.Join(folder, "in"), 0o755))
				for _, dest := range []string{"to", "in", "in/", "in/other", "to"} {
					check(t, push(t.Context(), r, file, folder+"/"+dest, Options{}))
				}
				want := oracle(t, file, ^fs.FileMode(0))
				for _, made := range []string{"to", "in/fi le\n", "in/other"} {
					compare(t, oracle(t, filepath.Join(folder, made), ^fs.FileMode(0)), want)
				}
				onlyThese(t, folder, "fi le\n", "to", "in")
				onlyThese(t, filepath.Join(folder, "in"), "fi le\n", "other")
			}
		})
	}
}

func TestUploadErrors(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file, tree := filepath.Join(folder, "file"), filepath.Join(folder, "tree")
			check(t, os.WriteFile(file, []byte("x"), 0o644))
			check(t, os.MkdirAll(filepath.Join(tree, "sub"), 0o755))
			check(t, os.WriteFile(filepath.Join(tree, "sub/x"), []byte("x"), 0o644))
			check(t, os.MkdirAll(filepath.Join(folder, "has/file"), 0o755))
			check(t, os.MkdirAll(filepath.Join(folder, "linked/tree"), 0o755))
			check(t, os.Symlink("/nowhere", filepath.Join(folder, "dangling")))
			check(t, os.Symlink("/tmp", filepath.Join(folder, "linked/tree/sub")))
			for _, c := range []struct {
				source, dest string
				want         error
			}{
				{file, "no/such/x", fs.ErrNotExist},
				{file, "no/", fs.ErrNotExist},
				{file, "file/x", procfs.ErrNotDirectory},
				{file, "has", procfs.ErrInTheWay},
				{file, "dangling", procfs.ErrInTheWay},
				{tree, "file", procfs.ErrInTheWay},
				{tree, "linked", procfs.ErrInTheWay},
			} {
				if err := push(t.Context(), r, c.source, folder+"/"+c.dest, Options{}); !errors.Is(err, c.want) {
					t.Errorf("%s to %s: %v, want %v", c.source, c.dest, err, c.want)
				}
			}
			if err := push(t.Context(), r, file, "/proc/1/", Options{}); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("into /proc, which has no blocks and is not full: %v", err)
			}
			onlyThese(t, folder, "file", "tree", "has", "linked", "dangling")
		})
	}
}
