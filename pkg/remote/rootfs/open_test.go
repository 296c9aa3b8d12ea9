// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// content reads a file into memory.
func content(t *testing.T, r *Root, path string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	_, err := r.Read(t.Context(), path, func(Info) (io.Writer, error) { return &b, nil })
	return b.String(), err
}

func TestAccessErrorsAreTyped(t *testing.T) {
	err := error(&AccessError{PID: 8, Name: "x\x1b"})
	if !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q", err)
	}
}

func TestDialChoosesTheProcess(t *testing.T) {
	idB := strings.Repeat("b2", 32)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			rootA, rootB := helper.OpenDirectory(t), helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(rootA, "who"), "A")
			helper.Write(t, filepath.Join(rootB, "who"), "B")
			cgroupA, cgroupB := "1:cpu:/x\n0::/../cri-containerd-"+helper.ContainerID+".scope", "0::/kubepods/pod/"+idB
			proc := helper.Proc(t,
				helper.Process{PID: 1, Start: 1, Root: rootB, Cgroup: "0::/pause"},
				helper.Process{PID: 7, Start: 300, Root: rootA, Cgroup: cgroupA},
				helper.Process{PID: 12, Start: 200, Root: "", Cgroup: cgroupA},     // denies its root, started first
				helper.Process{PID: 100, Start: 250, Root: rootA, Cgroup: cgroupA}, // sorts before 7 as text
				helper.Process{PID: 20, Start: 50, Root: rootB, Cgroup: cgroupB},
				helper.Process{PID: 9, Start: 50, Root: rootB, Cgroup: cgroupB},
				helper.Process{PID: 30, Start: 5, Root: "", Cgroup: "0::/denied"},
				helper.Process{PID: 40, Start: 6, Root: "", Cgroup: "0::/denied"},
			)
			for _, test := range []struct {
				name   string
				where  Where
				pid    int
				text   string
				denied []int
				err    error
			}{
				{"first of a container that lets us in", Where{Container: helper.ContainerID}, 100, "A", []int{12}, nil},
				{"lowest PID of those that started at once", Where{Container: idB}, 9, "B", nil, nil},
				{"PID 1 without container", Where{}, 1, "B", nil, nil},
				{"the PID given", Where{PID: 7, Container: idB}, 7, "A", nil, nil},
				{"the PID given denies", Where{PID: 12}, 12, "", []int{12}, fs.ErrPermission},
				{"a sibling stands in", Where{PID: 12, Siblings: true}, 100, "A", []int{12}, nil},
				{"no sibling needed", Where{PID: 7, Siblings: true}, 7, "A", nil, nil},
				{"all siblings deny", Where{PID: 40, Siblings: true}, 40, "", []int{40, 30}, fs.ErrPermission},
				{"no such process", Where{PID: 99}, 0, "", nil, remote.ErrNoProcess},
				{"no such container", Where{Container: strings.Repeat("c", 64)}, 0, "", nil, remote.ErrNoProcess},
				{"container unnamed in a view of its own", Where{Container: strings.Repeat("c", 64), Alone: true}, 1, "B", nil, nil},
				{"container named in a view of its own", Where{Container: helper.ContainerID, Alone: true}, 100, "A", []int{12}, nil},
				{"id is no pattern", Where{Container: "[a-z]"}, 0, "", nil, remote.ErrNoProcess},
				{"id is no option", Where{Container: "-v"}, 0, "", nil, remote.ErrNoProcess},
			} {
				root, err := dialIn(t.Context(), r, proc, test.where)
				text := ""
				if err == nil {
					text, err = content(t, root, "who")
				}
				if !errors.Is(err, test.err) || text != test.text {
					t.Errorf("%s: %q, %v; want %q, %v", test.name, text, err, test.text, test.err)
				}
				denied := root.Denied
				if access, ok := errors.AsType[*AccessError](err); ok {
					denied = access.Tried
					if access.PID != test.pid || access.UID != 10 || access.GID != 20 || access.Name != "a) b\n)" {
						t.Errorf("%s: %+v", test.name, access)
					}
				}
				if root.Process.PID != test.pid || !slices.Equal(denied, test.denied) {
					t.Errorf("%s: process %d, denied %v; want %d, %v", test.name, root.Process.PID, denied, test.pid, test.denied)
				}
				root.Close()
			}
		})
	}
}

// Where cgroups tell nothing apart, no process of the helper may stand in for one of the target.
func TestDialNeverTakesTheHelperForASibling(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			own, err := os.ReadFile("/proc/self/cgroup")
			if err != nil {
				t.Fatal(err)
			}
			cgroup := strings.TrimSuffix(string(own), "\n")
			proc := helper.Proc(t,
				helper.Process{PID: 1, Start: 1, Root: "", Cgroup: cgroup},
				helper.Process{PID: 2, Start: 2, Root: root, Cgroup: cgroup},
			)
			helper.Symlink(t, "/proc/self", filepath.Join(proc, "self"))
			for _, where := range []Where{{PID: 1, Siblings: true}, {Container: helper.ContainerID, Alone: true}, {}} {
				if root, err := dialIn(t.Context(), r, proc, where); !errors.Is(err, fs.ErrPermission) || root.Process.PID != 1 {
					t.Errorf("%+v: %d, %v", where, root.Process.PID, err)
				}
			}
		})
	}
}

func TestOwnersHaveTheTargetsNames(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/passwd"), "# comment\nfirst:x:0:0::/:/bin/sh\nsecond:x:0:0::/:\n\nbroken\n\x00nobody:x:65534:\n")
			helper.Write(t, filepath.Join(root, "usr/lib/group"), "wheel:x:0:\n")
			helper.Symlink(t, "/usr/lib/group", filepath.Join(root, "etc/group"))
			helper.Write(t, filepath.Join(root, "data/a\nb"), "content\n")
			helper.Symlink(t, "/data", filepath.Join(root, "to data"))
			root8 := fakeRoot(t, r, root)
			info, entries, err := root8.ReadDir(t.Context(), "/to data//")
			if err != nil || info.Path != "/data" || !info.FileMode().IsDir() || info.User != "first" || info.Group != "wheel" {
				t.Errorf("%+v, %v", info, err)
			}
			if len(entries) != 1 || entries[0].Name() != "a\nb" || entries[0].Stat().User != "first" || entries[0].Stat().Group != "wheel" {
				t.Errorf("entries %v", entries)
			}
			if info, err := root8.Stat(t.Context(), "to data", false); err != nil || info.LinkTarget != "/data" || info.Path != "/to data" {
				t.Errorf("facts of a link: %+v, %v", info, err)
			}
			// A passwd that blocks or never ends must not keep anybody waiting.
			if err := errors.Join(os.Remove(filepath.Join(root, "etc/passwd")), os.Remove(filepath.Join(root, "etc/group"))); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mknod(filepath.Join(root, "fifo"), syscall.S_IFIFO|0o644, 0); err != nil {
				t.Fatal(err)
			}
			helper.Symlink(t, "/fifo", filepath.Join(root, "etc/passwd"))
			helper.Symlink(t, "/etc/group", filepath.Join(root, "etc/group"))
			if info, err := fakeRoot(t, r, root).Stat(t.Context(), "data", true); err != nil || info.User != "" {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

// The kernel denies the root of a process of another user, and of one that changed its user.
func TestRealRootDenied(t *testing.T) {
	helper.NeedRoot(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_ROOT=" + root, "CHILD_UID=65534", "COMM=x\n\x1b)"})
			l.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			_, err := Dial(t.Context(), l, Where{PID: child.Cmd.Process.Pid})
			var access *AccessError
			if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &access) {
				t.Fatalf("got %v", err)
			}
			if access.PID != child.Cmd.Process.Pid || access.UID != 65534 || access.GID != 0 || access.Name != "x\n\x1b)" || !access.Undumpable {
				t.Errorf("got %+v", access)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("unsafe text %q", err)
			}
		})
	}
}

// The root of a real process is no ordinary link, and its absolute links stay inside.
func TestARealRoot(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/passwd"), "inside:x:0:0::/:\n")
			helper.Write(t, filepath.Join(root, "run/pid"), "8\n")
			helper.Symlink(t, "/run", filepath.Join(root, "var/run"))
			helper.Symlink(t, "/etc/passwd", filepath.Join(root, "abs"))
			child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_ROOT=" + root})
			root8 := dial(t, r, "/proc", Where{PID: child.Cmd.Process.Pid})
			for path, want := range map[string]string{"var/run/pid": "8\n", "abs": "inside:x:0:0::/:\n", "/../../abs": "inside:x:0:0::/:\n"} {
				if text, err := content(t, root8, path); text != want || err != nil {
					t.Errorf("%s: %q, %v", path, text, err)
				}
			}
		})
	}
}
