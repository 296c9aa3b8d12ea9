// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// The names of a listing are relative to where it begins, also where that is the root.
func TestListingOfTheRootIsRelativeToIt(t *testing.T) {
	dir := t.TempDir()
	process := filepath.Join(dir, "proc", "1")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "root", "a", "b"), 0o755), os.MkdirAll(process, 0o755), os.Symlink(filepath.Join(dir, "root"), filepath.Join(process, "root")),
		os.WriteFile(filepath.Join(process, "stat"), []byte("1 (a) S 0 1"+strings.Repeat(" 0", 47)+"\n"), 0o644),
		os.WriteFile(filepath.Join(process, "status"), []byte("Name:\ta\nState:\tS\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"), 0o644),
		os.WriteFile(filepath.Join(process, "mountinfo"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := remote.Connect(t.Context(), helper.Local{})
	c.Proc = filepath.Join(dir, "proc")
	root, err := rootfs.RootOf(t.Context(), c, rootfs.Where{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	for start, want := range map[string][]string{"/": {".", "a", "a/b"}, "/a": {".", "b"}, "/a/b": {"."}} {
		tree, err := Source(root, PackAuto).Open(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f, err := range tree.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Path)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", start, got, want)
		}
	}
}

func dialSelf(t *testing.T, r remote.Runner) *rootfs.Root {
	t.Helper()
	root, err := rootfs.Dial(t.Context(), r, rootfs.Where{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// A copy goes where cp -r puts it in every direction, and refuses what that refuses.
func TestFormsAreThoseOfCp(t *testing.T) {
	cp, err := exec.LookPath("cp")
	if err != nil {
		t.Skip("no cp to compare with")
	}
	tree, forms := trees.Forms()
	for shell, r := range helper.Runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for way, direction := range []string{"down", "up", "across"} {
			ends := [][2]transfer.Tree{{Source(root, PackAuto), localfs.Tree()}, {localfs.Tree(), Destination(root, PackAuto)}, {Source(root, PackAuto), Destination(other, PackAuto)}}[way]
			for i, c := range forms {
				t.Run(shell+"/"+direction+"/"+c[0]+" to "+c[1], func(t *testing.T) {
					if i%3 != way {
						helper.Full(t)
					}
					theirs, ours := t.TempDir(), t.TempDir()
					for _, dir := range []string{theirs, ours} {
						trees.Plant(t, dir, tree)
					}
					command := exec.CommandContext(t.Context(), cp, "-r", "--", theirs+"/"+c[0], theirs+"/"+c[1])
					output, failure := command.CombinedOutput()
					report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{Source: ours + "/" + c[0], Dest: ours + "/" + c[1]})
					if failed := err != nil || report.Failed > 0; failed != (failure != nil) {
						t.Errorf("Copy: %+v, %v; cp: %s", report, err, output)
					}
					trees.Same(t, trees.Harvest(t, ours), trees.Harvest(t, theirs))
				})
			}
		}
	}
}

// The kernel's links to open files say nothing of their targets' lengths, whether they are open for reading, writing or both.
func TestDescriptorsAreListedWithTheirTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "open")
	links := map[string]string{}
	for _, flag := range []int{os.O_RDWR | os.O_CREATE, os.O_RDONLY, os.O_WRONLY} {
		f, err := os.OpenFile(file, flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		links[strconv.Itoa(int(f.Fd()))] = file
	}
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			_, entries, err := dialSelf(t, r).ReadDir(t.Context(), fmt.Sprintf("/proc/%d/fd", os.Getpid()))
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, e := range entries {
				if want, ok := links[e.Name()]; ok && e.Stat().LinkTarget == want {
					found++
				}
			}
			if found != len(links) {
				t.Errorf("%d of %d in %v", found, len(links), entries)
			}
		})
	}
}

// dial connects for as long as the test runs.
func dial(t *testing.T, r remote.Runner, w rootfs.Where) *rootfs.Root {
	t.Helper()
	root, err := rootfs.Dial(t.Context(), r, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// mountedRoot is the root of a process that has mounts below a directory.
func mountedRoot(t *testing.T, r remote.Runner, dir string, mounts ...string) *rootfs.Root {
	t.Helper()
	return dial(t, r, rootfs.Where{PID: helper.Mounted(t, dir, mounts...)})
}

func content(t *testing.T, r *rootfs.Root, path string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	_, err := r.Read(t.Context(), path, func(rootfs.Info) (io.Writer, error) { return &b, nil })
	return b.String(), err
}
