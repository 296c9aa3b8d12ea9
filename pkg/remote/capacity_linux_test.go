// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCapacitiesAreWhatStatfsSays(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			write(t, filepath.Join(dir, "bound"), "x")
			write(t, filepath.Join(dir, "d/file"), "x")
			root := mountedRoot(t, r, dir, "tmpfs volume with blank", "dead gone", "bind d/file")
			write(t, filepath.Join(dir, "a"), "x")
			symlink(t, "/", filepath.Join(dir, "link"))
			points := []string{"/", dir + "/volume with blank", dir + "/gone", dir + "/d/file", dir + "/link", "/a\nb"}
			got, err := On(root.Conn()).Capacities(t.Context(), root.Process.PID, points)
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
			for i, want := range map[int]error{2: ErrClosedMount, 4: ErrChanged, 5: fs.ErrInvalid} {
				if !errors.Is(got[i].Err, want) {
					t.Errorf("%q: %v, want %v", points[i], got[i].Err, want)
				}
			}
		})
	}
}

// A mount that does not answer costs its own bound and no other mount.
func TestAMountThatDoesNotAnswerHidesNoOther(t *testing.T) {
	full(t)
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			root := mountedRoot(t, r, dir, "stuck mnt", "tmpfs volume")
			points := []string{"/", dir + "/mnt", dir + "/mnt/below", dir + "/volume"}
			within(t, 4*mountPatience, func() {
				got, err := On(root.Conn()).Capacities(t.Context(), root.Process.PID, points)
				if err != nil {
					t.Error(err)
					return
				}
				for i, want := range []error{nil, ErrStuck, ErrStuck, nil} {
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

func TestCapacitiesOfADeniedRootAreForbidden(t *testing.T) {
	root := dialNobody(t)
	if _, err := On(root.Conn()).Capacities(t.Context(), os.Getpid(), []string{"/"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

func FuzzCapacity(f *testing.F) {
	f.Add("0 4096 66053021 59931402 17753697 16777216 16191503\n")
	f.Add("44 \n")
	f.Add("0 18446744073709551615 2 3 4 1 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		var c Capacity
		if err := c.read(&Answer{Reader: bufio.NewReader(strings.NewReader(text))}); err != nil {
			return
		}
		if c.Used > c.Size || c.Available > c.Size || c.UsedInodes > c.Inodes {
			t.Errorf("%+v of %q", c, text)
		}
	})
}

func TestCapacityIsBounded(t *testing.T) {
	var c Capacity
	err := c.read(&Answer{Reader: bufio.NewReader(strings.NewReader("0 18446744073709551615 3 5 9 1 2\n"))})
	if err != nil || c.Size != math.MaxUint64 || c.Used != 0 || c.UsedInodes != 0 {
		t.Errorf("%+v %v", c, err)
	}
}
