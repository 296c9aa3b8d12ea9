// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestCapacitiesAreWhatStatfsSays(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(dir, "bound"), "x")
			helper.Write(t, filepath.Join(dir, "d/file"), "x")
			root := mountedRoot(t, r, dir, "tmpfs volume with blank", "dead gone", "bind d/file")
			helper.Write(t, filepath.Join(dir, "a"), "x")
			helper.Symlink(t, "/", filepath.Join(dir, "link"))
			points := []string{"/", dir + "/volume with blank", dir + "/gone", dir + "/d/file", dir + "/link", "/a\nb"}
			got, err := process.On(root.Conn()).Capacities(t.Context(), root.Process.PID, points)
			if err != nil {
				t.Fatal(err)
			}
			for i, path := range []string{"/", "", "", dir} {
				if path == "" {
					continue
				}
				var s syscall.Statfs_t
				if err := syscall.Statfs(path, &s); err != nil {
					t.Fatal(err)
				}
				unit := uint64(s.Bsize)
				if c := got[i]; c.Err != nil || c.Size != unit*s.Blocks || c.Inodes != s.Files || c.Used == 0 || c.Used > c.Size || c.Available > c.Size {
					t.Errorf("%s: %+v", points[i], c)
				}
			}
			if c := got[1]; c.Err != nil || c.Used != 0 || c.Available != c.Size || c.UsedInodes != 1 {
				t.Errorf("an empty tmpfs: %+v", c)
			}
			for i, want := range map[int]error{2: remote.ErrClosedMount, 4: remote.ErrChanged, 5: fs.ErrInvalid} {
				if !errors.Is(got[i].Err, want) {
					t.Errorf("%q: %v, want %v", points[i], got[i].Err, want)
				}
			}
		})
	}
}

// A mount that does not answer costs its own bound and no other mount.
func TestAMountThatDoesNotAnswerHidesNoOther(t *testing.T) {
	helper.Full(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			root := mountedRoot(t, r, dir, "stuck mnt", "tmpfs volume")
			points := []string{"/", dir + "/mnt", dir + "/mnt/below", dir + "/volume"}
			helper.Within(t, 20*time.Second, func() {
				got, err := process.On(root.Conn()).Capacities(t.Context(), root.Process.PID, points)
				if err != nil {
					t.Error(err)
					return
				}
				for i, want := range []error{nil, remote.ErrStuck, remote.ErrStuck, nil} {
					if !errors.Is(got[i].Err, want) {
						t.Errorf("%s: %+v, want %v", points[i], got[i], want)
					}
				}
				if got[3].Size == 0 {
					t.Errorf("behind it: %+v", got[3])
				}
			})
		})
	}
}
