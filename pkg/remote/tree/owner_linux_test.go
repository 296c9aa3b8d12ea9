// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// ownersOf are the owners and modes of all files of a tree.
func ownersOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		all[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, st.Mode&0o7777)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An upload is the target's user's, and in a directory with a setgid bit its group's, whichever helper writes it.
func TestUploadsBelongToTheTarget(t *testing.T) {
	helper.NeedRoot(t)
	const group = 4242
	for shell, r := range helper.Runners(t) {
		target := helper.NobodysProcess(t)
		for who, credential := range map[string]*syscall.Credential{"root": {}, "the target's": {Uid: helper.Nobody, Gid: helper.Nobody, Groups: []uint32{group}}} {
			for kind, gid := range map[string]int{"plain": helper.Nobody, "setgid": group} {
				t.Run(shell+"/"+who+"/"+kind, func(t *testing.T) {
					src, dir := helper.OpenDirectory(t), helper.OpenTo(t)
					trees.Plant(t, src, map[string]string{"tree/a": "A", "tree/sub/b": "B", "tree/l": "-> a", "tree/big": strings.Repeat("x", 200<<10), "file": "f"})
					mode := uint32(0o775)
					if gid == group {
						mode |= 0o2000
					}
					if err := syscall.Chown(dir, helper.Nobody, gid); err != nil {
						t.Fatal(err)
					}
					if err := syscall.Chmod(dir, mode); err != nil {
						t.Fatal(err)
					}
					local := r
					local.Attr = &syscall.SysProcAttr{Credential: credential}
					root := dial(t, local, rootfs.Where{PID: target})
					copied := func(src transfer.Tree, from, to string) {
						t.Helper()
						report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), src, transfer.Options{
							Source: from, Dest: filepath.Join(dir, to), Report: func(p string, err error) { t.Errorf("%s: %v", p, err) },
						})
						if err != nil {
							t.Fatal(report, err)
						}
					}
					copied(localfs.Tree(), src+"/tree", "tree")
					copied(localfs.Tree(), src+"/tree/l", "l")
					copied(localfs.Tree(), src+"/file", "file")
					copied(transfer.Input(strings.NewReader("in"), nil), "-", "in")
					copied(localfs.Tree(), src+"/tree", "tree")
					for name, got := range ownersOf(t, dir) {
						want := fmt.Sprintf("%d:%d", helper.Nobody, gid)
						if !strings.HasPrefix(got, want+" ") {
							t.Errorf("%s: %s, want %s", name, got, want)
						}
						if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.IsDir() && info.Mode()&os.ModeSetgid != 0 != (gid == group) {
							t.Errorf("%s: %s, %v", name, got, err)
						}
					}
					empty(t, dir, "file", "in", "l", "tree")
				})
			}
		}
	}
}

// What -p cannot keep is named, of a tree and of a file, and all of it is there.
func TestWhatCannotBeKeptIsNamed(t *testing.T) {
	helper.NeedRoot(t)
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			src, dir := helper.OpenDirectory(t), helper.OpenTo(t)
			trees.Plant(t, src, map[string]string{"tree/own": "A", "tree/root": "B", "tree/setuid": "C", "tree/sub/d": "D", "one": "1"})
			for _, name := range []string{"tree", "tree/own", "tree/setuid", "tree/sub", "tree/sub/d"} {
				if err := os.Chown(filepath.Join(src, name), helper.Nobody, helper.Nobody); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(src+"/tree/setuid", 0o755|os.ModeSetuid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(dir, helper.Nobody, helper.Nobody); err != nil {
				t.Fatal(err)
			}
			target := helper.NobodysProcess(t)
			r.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: helper.Nobody, Gid: helper.Nobody}}
			root := dial(t, r, rootfs.Where{PID: target})
			for source, want := range map[string]string{"tree": "root", "one": "."} {
				failed := map[string]error{}
				report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{
					Source: filepath.Join(src, source), Dest: filepath.Join(dir, source), Preserve: true, Report: func(p string, err error) { failed[p] = err },
				})
				if err != nil || failed[want] == nil || failed["own"] != nil || failed["sub/d"] != nil || report.Failed != len(failed) {
					t.Errorf("%s: %+v, %v, %v", source, report, failed, err)
				}
				// Some helpers' tar keeps it.
				if got := ownersOf(t, dir)["/tree/setuid"]; source == "tree" && (got == "65534:65534 4755") != (failed["setuid"] == nil) {
					t.Errorf("setuid: %s, %v", got, failed["setuid"])
				}
			}
			for name, text := range trees.Harvest(t, src) {
				if got := trees.Harvest(t, dir)[name]; got != text {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
}
