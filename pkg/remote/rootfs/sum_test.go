// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// Files that block end a command after a few of them, and one that blocks takes nothing from the others.
func TestFilesThatBlockEndACommand(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("./f%d", i)
	}
	for name, c := range map[string]struct {
		blocks               func(file string) bool
		waits, reports, done int
		stuck                bool
	}{
		"all":  {func(string) bool { return true }, maxStuck, maxStuck - 2, 0, true},
		"none": {func(string) bool { return false }, 0, 0, 100, false},
		"one":  {func(file string) bool { return file == "./f7" }, 2, 1, 99, false},
	} {
		t.Run(name, func(t *testing.T) {
			waits, done, partly := 0, 0, &TreeError{}
			err := divide(t.Context(), &Root{}, "sum", &Place{Start: "/d"}, names, nil, partly, func(_ *Place, files []string, _ map[string]string) error {
				for _, file := range files {
					if c.blocks(file) {
						waits++
						return &fs.PathError{Op: "sum", Path: "/d", Err: remote.ErrStuck}
					}
				}
				done += len(files)
				return nil
			})
			if errors.Is(err, remote.ErrStuck) != c.stuck || waits != c.waits || partly.Count != c.reports || done != c.done {
				t.Errorf("%v, %d waits, %d reports, %d files done", err, waits, partly.Count, done)
			}
		})
	}
}

// A file of little but holes is left out with its Numbers.
func TestSumLeavesAFileOfHolesOut(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "d/a"), "A")
			helper.Write(t, filepath.Join(root, "d/giant"), "x")
			if err := os.Truncate(filepath.Join(root, "d/giant"), 1<<40); err != nil {
				t.Skip("this file system has no such files")
			}
			root8 := fakeRoot(t, r, root)
			var found []string
			add := func(path string, _ [32]byte) error {
				found = append(found, path)
				return nil
			}
			for _, name := range []string{"/d/giant", "/d"} {
				_, err := Sum(t.Context(), root8, name, SumOptions{Recursive: name == "/d"}, add)
				if _, ok := errors.AsType[*transfer.SparseError](err); !ok {
					t.Errorf("%s: %v", name, err)
				}
			}
			if len(found) != 1 || found[0] != "/d/a" {
				t.Errorf("summed up %q", found)
			}
		})
	}
}
