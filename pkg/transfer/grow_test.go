// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// A file that grows while it is copied is copied as it was at a time, which is said; less never replaces more, and what changed
// besides is not copied.
func TestFileThatGrows(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		for name, c := range map[string]struct {
			first byte // what it begins with, once it has grown
			there int  // the size of what has its place
			want  string
			err   error
		}{
			"new": {'x', 0, "4 more", nil}, "shorter": {'x', 10, "4 more", nil}, "longer": {'x', size + 1000, "old", transfer.ErrLess}, "other": {'y', 10, "old", transfer.ErrChanged},
		} {
			t.Run(name+itoa(size), func(t *testing.T) {
				dir := t.TempDir()
				t.Chdir(dir)
				old := strings.Repeat("o", c.there)
				trees.Plant(t, dir, map[string]string{"source/log": strings.Repeat("x", size), "source/a": "A", "dest/log": old})
				if c.there == 0 {
					check(t, os.Remove("dest/log"))
				}
				times, begun := 0, true
				heard := reports{}
				report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source/.", Dest: "dest", Report: heard.add, Progress: func(n int64) {
					begun = begun || n < 0
					if n < 1000 || !begun || times == 2 {
						return
					}
					times++
					begun = false
					f, err := os.OpenFile("source/log", os.O_RDWR, 0)
					check(t, err)
					_, err = f.WriteAt([]byte{c.first}, int64(times))
					check(t, err)
					_, err = f.WriteAt([]byte("more"), int64(size+4*(times-1)))
					check(t, errors.Join(err, f.Close()))
				}})
				check(t, err)
				var grown *transfer.GrownError
				want := strings.Repeat("x", size) + "more"
				if c.err != nil {
					want = old
					if !errors.Is(heard["log"], c.err) || report.Grown != 0 {
						t.Errorf("%+v, %v", report, heard)
					}
				} else if !errors.As(heard["log"], &grown) || grown.Size != int64(len(want)) || report.Grown != 1 {
					t.Errorf("%+v, %v", report, heard)
				}
				if report.Failed != 1 {
					t.Errorf("%+v", report)
				}
				trees.Same(t, trees.Harvest(t, "dest"), map[string]string{"log": want, "a": "A"})
			})
		}
	}
}

// A file of little but holes is left out with its numbers, the rest is copied; into an archive none goes, not even one without a
// block.
func TestFileOfHolesIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"source/a": "A", "source/giant": "x", "source/empty": ""})
	for _, name := range []string{"source/giant", "source/empty"} {
		if err := os.Truncate(name, 1<<40); err != nil {
			t.Skip("this file system has no such files")
		}
	}
	for name, c := range map[string]struct {
		dst  transfer.Tree
		dest string
		lost []string
	}{
		"copy":    {localfs.Tree(), "dest", []string{"giant"}},
		"archive": {transfer.NewArchive(io.Discard, false, "dest"), "dest", []string{"giant", "empty"}},
	} {
		heard := reports{}
		report, err := transfer.Copy(t.Context(), c.dst, localfs.Tree(), transfer.Options{Source: "source", Dest: c.dest, Report: heard.add})
		if err != nil || report.Failed != len(c.lost) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		for _, file := range c.lost {
			if _, ok := errors.AsType[*transfer.SparseError](heard[file]); !ok {
				t.Errorf("%s: %s: %v", name, file, heard[file])
			}
		}
	}
}
