// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// What stands against a write is named, the rest of a tree goes on, and whether the file itself may be written is known.
func TestObstaclesAreNamed(t *testing.T) {
	helper.NeedRoot(t)
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			src, dir := helper.OpenDirectory(t), helper.OpenTo(t)
			trees.Plant(t, src, map[string]string{"tree/closed/f": "new", "tree/sticky/f": "new", "tree/own/f": "new", "tree/immutable/f": "new"})
			trees.Plant(t, dir, map[string]string{"closed/f": "old", "sticky/f": "old", "own/f": "old", "immutable/f": "old"})
			for name, mode := range map[string]uint32{"closed": 0o755, "sticky": 0o1777, "closed/f": 0o666, "sticky/f": 0o666} {
				if err := syscall.Chmod(filepath.Join(dir, name), mode); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{".", "own", "own/f", "immutable", "immutable/f"} {
				if err := os.Chown(filepath.Join(dir, name), helper.Nobody, helper.Nobody); err != nil {
					t.Fatal(err)
				}
			}
			immutable := filepath.Join(dir, "immutable/f")
			frozen := exec.CommandContext(t.Context(), "chattr", "+i", immutable).Run() == nil
			t.Cleanup(func() { _ = exec.Command("chattr", "-i", immutable).Run() })
			r.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: helper.Nobody, Gid: helper.Nobody}}
			root := dial(t, r, rootfs.Where{PID: helper.NobodysProcess(t)})
			want := map[string]error{"closed/f": remote.ErrDirectoryClosed, "sticky/f": remote.ErrSticky}
			if frozen {
				want["immutable/f"] = remote.ErrImmutable
			}
			failed := map[string]error{}
			report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{
				Source: src + "/tree/.", Dest: dir, Report: func(p string, err error) { failed[p] = err },
			})
			if err != nil || report.Failed != len(want) {
				t.Errorf("%+v, %v, %v", report, failed, err)
			}
			for name, text := range trees.Harvest(t, dir) {
				switch {
				case want[name] == nil && text == "old", want[name] != nil && text != "old", !errors.Is(failed[name], want[name]):
					t.Errorf("%s: %q, %v", name, text, failed[name])
				}
			}
			for name, cause := range map[string]error{"closed": remote.ErrDirectoryClosed, "sticky": remote.ErrSticky} {
				file := filepath.Join(dir, name, "f")
				_, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: src + "/tree/own/f", Dest: file})
				failed, ok := errors.AsType[*fs.PathError](err)
				if !ok || failed.Op != "write" || !errors.Is(err, cause) && !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%s by itself: %v", name, err)
				}
				if info, err := root.Stat(t.Context(), file, true); err != nil || !info.InPlace || info.Writable != (name == "sticky") {
					t.Errorf("%s: %+v, %v", name, info, err)
				}
			}
		})
	}
}

// A file that is a mount of its own is said to be one: it can be written, and not replaced.
func TestMountedFileIsNotReplaced(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(dir, "bound"), "mounted")
			helper.Write(t, filepath.Join(dir, "etc/hosts"), "below")
			helper.Write(t, filepath.Join(dir, "new"), "new")
			root := mountedRoot(t, r, dir, "bind etc/hosts")
			_, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: dir + "/new", Dest: dir + "/etc/hosts"})
			if failed, ok := errors.AsType[*fs.PathError](err); !ok || failed.Op != "write" || !errors.Is(err, remote.ErrMounted) {
				t.Errorf("got %v", err)
			}
			if text, err := content(t, root, dir+"/etc/hosts"); err != nil || text != "mounted" {
				t.Errorf("%q, %v", text, err)
			}
			empty(t, dir+"/etc", "hosts")
		})
	}
}
