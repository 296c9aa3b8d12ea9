// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// Kernel file systems are known by their type, wherever they are mounted: named, and not entered.
func TestKernelFileSystemsAreNotEntered(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			root := mountedRoot(t, r, dir, "proc host/proc", "sysfs host/sys", "tracefs deep/er/trace", "tmpfs volume")
			helper.Write(t, filepath.Join(dir, "host/file"), "found\n")
			var seen []string
			_, err := root.Walk(t.Context(), dir, rootfs.WalkOptions{}, func(p string, _ rootfs.Entry) error {
				seen = append(seen, strings.TrimPrefix(p, dir))
				return nil
			})
			slices.Sort(seen)
			want := []string{"", "/deep", "/deep/er", "/deep/er/trace", "/host", "/host/file", "/host/proc", "/host/sys", "/volume"}
			if err != nil || !slices.Equal(seen, want) {
				t.Errorf("walk: %q, %v", seen, err)
			}
			sums := 0
			if _, err := rootfs.Sum(t.Context(), root, dir, rootfs.SumOptions{Recursive: true}, func(string, [32]byte) error { sums++; return nil }); err != nil || sums != 1 {
				t.Errorf("%d sums, %v", sums, err)
			}
			matches := 0
			grep := rootfs.GrepOptions{Pattern: "found", Recursive: true}
			if _, err := rootfs.Grep(t.Context(), root, dir, grep, func(rootfs.Match) error { matches++; return nil }); err != nil || matches != 1 {
				t.Errorf("%d matches, %v", matches, err)
			}
			dest := filepath.Join(helper.OpenDirectory(t), "copy")
			report, err := transfer.Copy(t.Context(), localfs.Tree(), Source(root, PackAuto), transfer.Options{Source: dir, Dest: dest})
			if err != nil || report.Copied != len(want) || report.Failed > 0 {
				t.Errorf("copy: %+v, %v", report, err)
			}
			if _, entries, err := root.ReadDir(t.Context(), filepath.Join(dir, "host/proc/1")); err != nil || len(entries) < 10 {
				t.Errorf("what is named itself: %d entries, %v", len(entries), err)
			}
		})
	}
}

// A mount that the helper may not look into, or whose server is gone, is named, and the rest is there.
func TestMountsThatDoNotOpenAreNamed(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			root := mountedRoot(t, r, dir, "closed mnt/closed", "dead mnt/dead", "closed only")
			helper.Write(t, filepath.Join(dir, "mnt/file"), "x\n")
			want := []string{dir + "/mnt/closed", dir + "/mnt/dead", dir + "/only"}
			var partly *rootfs.TreeError
			named := func() (paths []string) {
				for _, failure := range partly.Failures {
					var cause *fs.PathError
					if errors.As(failure, &cause) && errors.Is(cause, remote.ErrClosedMount) {
						paths = append(paths, cause.Path)
					}
				}
				slices.Sort(paths)
				return paths
			}
			listed := 0
			_, err := root.Walk(t.Context(), dir, rootfs.WalkOptions{}, func(string, rootfs.Entry) error { listed++; return nil })
			if !errors.As(err, &partly) || !slices.Equal(named(), want) || listed != 6 {
				t.Errorf("walk: %d, %v", listed, err)
			}
			sums := 0
			_, err = rootfs.Sum(t.Context(), root, dir, rootfs.SumOptions{Recursive: true}, func(string, [32]byte) error { sums++; return nil })
			if !errors.As(err, &partly) || !slices.Equal(named(), want) || sums != 1 {
				t.Errorf("sum: %d, %v", sums, err)
			}
			var failed []string
			report, err := transfer.Copy(t.Context(), localfs.Tree(), Source(root, PackAuto), transfer.Options{
				Source: dir, Dest: filepath.Join(helper.OpenDirectory(t), "copy"), Report: func(p string, _ error) { failed = append(failed, p) },
			})
			slices.Sort(failed)
			if err != nil || report.Failed != 3 || !slices.Equal(failed, []string{"mnt/closed", "mnt/dead", "only"}) {
				t.Errorf("copy: %+v, %q, %v", report, failed, err)
			}
			for _, path := range want {
				if _, _, err := root.ReadDir(t.Context(), path); !errors.Is(err, remote.ErrClosedMount) {
					t.Errorf("%s: %v", path, err)
				}
				_, err = transfer.Copy(t.Context(), localfs.Tree(), Source(root, PackAuto), transfer.Options{Source: path, Dest: filepath.Join(helper.OpenDirectory(t), "x")})
				if !errors.Is(err, remote.ErrClosedMount) {
					t.Errorf("copy of %s: %v", path, err)
				}
			}
		})
	}
}
