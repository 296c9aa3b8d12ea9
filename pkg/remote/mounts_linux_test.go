// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// mountsVar are the mounts of a child with a mount namespace of its own: TYPE PATH, one a line.
const mountsVar = "CHILD_MOUNTS"

// mountAll makes them. What is of type dead is a file system whose server has ended, closed one that only another user may
// look into, and stuck one whose server never answers; bind has the file
// bound of the directory above on a file.
func mountAll(list string) error {
	for line := range strings.Lines(list) {
		kind, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		var err error
		switch kind {
		case "dead", "closed", "stuck":
			err = mountFuse(kind, path)
		case "bind":
			err = syscall.Mount(filepath.Join(filepath.Dir(filepath.Dir(path)), "bound"), path, "", syscall.MS_BIND, "")
		default:
			err = syscall.Mount(kind, path, kind, 0, "")
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", line, err)
		}
	}
	return nil
}

func mountFuse(kind, path string) error {
	server, err := syscall.Open("/dev/fuse", syscall.O_RDWR, 0)
	if err != nil {
		return err
	}
	user := 0
	if kind == "closed" {
		user = 1000
	}
	err = syscall.Mount(kind, path, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", server, user, user))
	if kind == "dead" {
		err = errors.Join(err, syscall.Close(server))
	}
	return err
}

// mountedRoot is the root of a child that has mounts below a directory: TYPE NAME, of directories that are made.
func mountedRoot(t *testing.T, r Runner, dir string, mounts ...string) *Root {
	t.Helper()
	needRoot(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("no FUSE here")
	}
	var list strings.Builder
	for _, m := range mounts {
		kind, name, _ := strings.Cut(m, " ")
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil && kind != "bind" {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s %s\n", kind, filepath.Join(dir, name))
	}
	child := startChild(t, childWaits, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, []string{mountsVar + "=" + list.String()})
	return dial(t, r, "/proc", Where{PID: child.cmd.Process.Pid})
}

// Kernel file systems are known by their type, wherever they are mounted: named, and not entered.
func TestKernelFileSystemsAreNotEntered(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			root := mountedRoot(t, r, dir, "proc host/proc", "sysfs host/sys", "tracefs deep/er/trace", "tmpfs volume")
			write(t, filepath.Join(dir, "host/file"), "found\n")
			var seen []string
			_, err := root.Walk(t.Context(), dir, WalkOptions{}, func(p string, _ Entry) error {
				seen = append(seen, strings.TrimPrefix(p, dir))
				return nil
			})
			slices.Sort(seen)
			want := []string{"", "/deep", "/deep/er", "/deep/er/trace", "/host", "/host/file", "/host/proc", "/host/sys", "/volume"}
			if err != nil || !slices.Equal(seen, want) {
				t.Errorf("walk: %q, %v", seen, err)
			}
			sums := 0
			if _, err := Sum(t.Context(), root, dir, SumOptions{Recursive: true}, func(string, [32]byte) error { sums++; return nil }); err != nil || sums != 1 {
				t.Errorf("%d sums, %v", sums, err)
			}
			matches := 0
			grep := GrepOptions{Pattern: "found", Recursive: true}
			if _, err := Grep(t.Context(), root, dir, grep, func(Match) error { matches++; return nil }); err != nil || matches != 1 {
				t.Errorf("%d matches, %v", matches, err)
			}
			dest := filepath.Join(openDirectory(t), "copy")
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
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			root := mountedRoot(t, r, dir, "closed mnt/closed", "dead mnt/dead", "closed only")
			write(t, filepath.Join(dir, "mnt/file"), "x\n")
			want := []string{dir + "/mnt/closed", dir + "/mnt/dead", dir + "/only"}
			var partly *TreeError
			named := func() (paths []string) {
				for _, failure := range partly.Failures {
					var cause *fs.PathError
					if errors.As(failure, &cause) && errors.Is(cause, ErrClosedMount) {
						paths = append(paths, cause.Path)
					}
				}
				slices.Sort(paths)
				return paths
			}
			listed := 0
			_, err := root.Walk(t.Context(), dir, WalkOptions{}, func(string, Entry) error { listed++; return nil })
			if !errors.As(err, &partly) || !slices.Equal(named(), want) || listed != 6 {
				t.Errorf("walk: %d, %v", listed, err)
			}
			sums := 0
			_, err = Sum(t.Context(), root, dir, SumOptions{Recursive: true}, func(string, [32]byte) error { sums++; return nil })
			if !errors.As(err, &partly) || !slices.Equal(named(), want) || sums != 1 {
				t.Errorf("sum: %d, %v", sums, err)
			}
			var failed []string
			report, err := transfer.Copy(t.Context(), localfs.Tree(), Source(root, PackAuto), transfer.Options{
				Source: dir, Dest: filepath.Join(openDirectory(t), "copy"), Report: func(p string, _ error) { failed = append(failed, p) },
			})
			slices.Sort(failed)
			if err != nil || report.Failed != 3 || !slices.Equal(failed, []string{"mnt/closed", "mnt/dead", "only"}) {
				t.Errorf("copy: %+v, %q, %v", report, failed, err)
			}
			for _, path := range want {
				if _, _, err := root.ReadDir(t.Context(), path); !errors.Is(err, ErrClosedMount) {
					t.Errorf("%s: %v", path, err)
				}
				_, err = transfer.Copy(t.Context(), localfs.Tree(), Source(root, PackAuto), transfer.Options{Source: path, Dest: filepath.Join(openDirectory(t), "x")})
				if !errors.Is(err, ErrClosedMount) {
					t.Errorf("copy of %s: %v", path, err)
				}
			}
		})
	}
}

// A mount that does not answer ends no question late: an interrupt comes through at once, and nothing stays behind.
func TestInterruptBesideAMountThatDoesNotAnswer(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			root := mountedRoot(t, r, dir, "stuck mnt")
			root.conn.Patience = time.Second
			if _, err := root.Stat(t.Context(), filepath.Join(dir, "mnt"), true); !errors.Is(err, ErrStuck) {
				t.Errorf("stat: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			within(t, 5*time.Second, func() {
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
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			whole, part := openDirectory(t), openDirectory(t)
			write(t, filepath.Join(whole, "who"), "whole")
			write(t, filepath.Join(part, "who"), "part")
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
				{all, all, Where{Container: idA}, 7, "whole", false},
				{below, all, Where{Container: idA}, 8, "whole", false},
				{volume, all, Where{Container: idA}, 8, "whole", false},
				{volume, below, Where{Container: idA}, 7, "part", true},
				{volume, all, Where{PID: 7, Container: idA, Siblings: true}, 7, "part", true},
				{below, all, Where{PID: 8}, 8, "whole", false},
			} {
				first := part
				if c.first == all {
					first = whole
				}
				proc := fakeProc(t, fakeProcess{pid: 7, start: 1, root: first, cgroup: cgroup + idA, mounts: c.first},
					fakeProcess{pid: 8, start: 2, root: whole, cgroup: cgroup + idA, mounts: c.second})
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
	needRoot(t)
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			write(t, filepath.Join(dir, "srv/a b\n/file"), "right")
			symlink(t, "a b\n", filepath.Join(dir, "srv/link"))
			for _, c := range []struct{ root, work, want string }{
				{"", dir + "/srv/link", dir + "/srv/a b\n/file"},
				{dir, "/srv/a b\n", "/srv/a b\n/file"},
				{dir + "/srv", "/", "/file"},
			} {
				child := startChild(t, childWaits, nil, []string{"CHILD_ROOT=" + c.root, "CHILD_WORK=" + c.work})
				root := dial(t, r, "/proc", Where{PID: child.cmd.Process.Pid})
				if got, err := root.Absolute(t.Context(), "file"); err != nil || got != c.want {
					t.Errorf("%+v: %q, %v", c, got, err)
				}
				if got, err := root.Absolute(t.Context(), "/file"); err != nil || got != "/file" {
					t.Errorf("%q, %v", got, err)
				}
			}
			write(t, filepath.Join(dir, "gone/x"), "")
			child := startChild(t, childWaits, nil, []string{"CHILD_WORK=" + dir + "/gone"})
			root := dial(t, r, "/proc", Where{PID: child.cmd.Process.Pid})
			if err := os.RemoveAll(filepath.Join(dir, "gone")); err != nil {
				t.Fatal(err)
			}
			if got, err := root.Absolute(t.Context(), "file"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of a directory that is gone: %q, %v", got, err)
			}
		})
	}
}
