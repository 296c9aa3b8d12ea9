// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

func dialSelf(t *testing.T, r Runner) *Root {
	t.Helper()
	root, err := Dial(t.Context(), r, Where{PID: os.Getpid()})
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
	for shell, r := range runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for way, direction := range []string{"down", "up", "across"} {
			ends := [][2]transfer.Tree{{Source(root, PackAuto), localfs.Tree()}, {localfs.Tree(), Destination(root, PackAuto)}, {Source(root, PackAuto), Destination(other, PackAuto)}}[way]
			for i, c := range forms {
				t.Run(shell+"/"+direction+"/"+c[0]+" to "+c[1], func(t *testing.T) {
					if i%3 != way {
						full(t)
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
	for shell, r := range runners(t) {
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
