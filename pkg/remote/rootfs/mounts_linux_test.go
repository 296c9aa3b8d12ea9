// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// mountedRoot is the root of such a process.
func mountedRoot(t *testing.T, r remote.Runner, dir string, mounts ...string) *Root {
	t.Helper()
	return dial(t, r, "/proc", Where{PID: helper.Mounted(t, dir, mounts...)})
}

// A mount that does not answer ends no question late: an interrupt comes through at once, and nothing stays behind.
func TestInterruptBesideAMountThatDoesNotAnswer(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			root := mountedRoot(t, r, dir, "stuck mnt")
			root.conn.Patience = time.Second
			if _, err := root.Stat(t.Context(), filepath.Join(dir, "mnt"), true); !errors.Is(err, remote.ErrStuck) {
				t.Errorf("stat: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			helper.Within(t, 5*time.Second, func() {
				_, err := root.Walk(ctx, dir, WalkOptions{}, func(string, Entry) error { return nil })
				if !errors.Is(err, context.Canceled) {
					t.Errorf("walk: %v", err)
				}
			})
		})
	}
}

// Who has changed its root is passed over where another process of the container has all of it, and said to have done so.
func TestDialPrefersTheWholeRoot(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			whole, part := helper.OpenDirectory(t), helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(whole, "who"), "whole")
			helper.Write(t, filepath.Join(part, "who"), "part")
			all := "21 1 0:1 / / rw,relatime - overlay o rw\n22 21 0:2 / /proc rw - proc proc rw\n23 21 0:3 / /data ro - ext4 d rw\n"
			below := "24 21 0:4 / /run rw - tmpfs r rw\n"
			volume := "23 21 0:3 /v / ro - ext4 d rw\n"
			const cgroup = "0::/x/"
			for _, c := range []struct {
				first, second string
				where         Where
				pid           int
				text          string
				partial       bool
			}{
				{all, all, Where{Container: helper.ContainerID}, 7, "whole", false},
				{below, all, Where{Container: helper.ContainerID}, 8, "whole", false},
				{volume, all, Where{Container: helper.ContainerID}, 8, "whole", false},
				{volume, below, Where{Container: helper.ContainerID}, 7, "part", true},
				{volume, all, Where{PID: 7, Container: helper.ContainerID, Siblings: true}, 7, "part", true},
				{below, all, Where{PID: 8}, 8, "whole", false},
			} {
				first := part
				if c.first == all {
					first = whole
				}
				proc := helper.Proc(t, helper.Process{PID: 7, Start: 1, Root: first, Cgroup: cgroup + helper.ContainerID, Mounts: c.first},
					helper.Process{PID: 8, Start: 2, Root: whole, Cgroup: cgroup + helper.ContainerID, Mounts: c.second})
				root := dial(t, r, proc, c.where)
				text, err := content(t, root, "/who")
				if err != nil || root.Process.PID != c.pid || text != c.text || root.Partial != c.partial {
					t.Errorf("%+v: process %d, %q, partial %v, %v", c, root.Process.PID, text, root.Partial, err)
				}
			}
		})
	}
}

// A relative path starts where the process works, whatever its root is.
func TestRelativePathsStartWhereTheProcessWorks(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(dir, "srv/a b\n/file"), "right")
			helper.Symlink(t, "a b\n", filepath.Join(dir, "srv/link"))
			for _, c := range []struct{ root, work, want string }{
				{"", dir + "/srv/link", dir + "/srv/a b\n/file"},
				{dir, "/srv/a b\n", "/srv/a b\n/file"},
				{dir + "/srv", "/", "/file"},
			} {
				child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_ROOT=" + c.root, "CHILD_WORK=" + c.work})
				root := dial(t, r, "/proc", Where{PID: child.Cmd.Process.Pid})
				if got, err := root.Absolute(t.Context(), "file"); err != nil || got != c.want {
					t.Errorf("%+v: %q, %v", c, got, err)
				}
				if got, err := root.Absolute(t.Context(), "/file"); err != nil || got != "/file" {
					t.Errorf("%q, %v", got, err)
				}
			}
			helper.Write(t, filepath.Join(dir, "gone/x"), "")
			child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_WORK=" + dir + "/gone"})
			root := dial(t, r, "/proc", Where{PID: child.Cmd.Process.Pid})
			if err := os.RemoveAll(filepath.Join(dir, "gone")); err != nil {
				t.Fatal(err)
			}
			if got, err := root.Absolute(t.Context(), "file"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of a directory that is gone: %q, %v", got, err)
			}
		})
	}
}
