// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// addressOf is for the one system call that package syscall has no function for.
func addressOf(b *[128]byte) unsafe.Pointer { return unsafe.Pointer(b) }

func TestListOfADirectory(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root, other := helper.OpenDirectory(t), helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/real"), "ten:x:10:10::/:\n")
			helper.Symlink(t, "/etc/real", filepath.Join(root, "etc/passwd"))
			helper.Write(t, filepath.Join(other, "etc/passwd"), "zehn:x:10:10::/:\n")
			proc := helper.Proc(t,
				helper.Process{PID: 8, Start: 12345, Root: root, Cgroup: "0::/a\n1:x:/b", PPID: 1},
				helper.Process{PID: 9, Start: 1, Root: root, Cgroup: "0::/a"},
				helper.Process{PID: 10, Start: 2, Root: "", Cgroup: "0::/a"},
				helper.Process{PID: 11, Start: 2, Root: other, Cgroup: "0::/c"},
				helper.Process{PID: 12, Start: 2, Root: root, Cgroup: "0::/c"},
				helper.Process{PID: 13, Start: 2, Root: "", Cgroup: "0::/c"}, // whose root it has cannot be known
			)
			helper.Write(t, filepath.Join(proc, "14/cmdline"), "went away")
			counting := &helper.Counting{Runner: r}
			got, err := processes(t.Context(), counting, proc)
			if err != nil || counting.Count.Load() != 1 {
				t.Fatalf("%v, %d commands", err, counting.Count.Load())
			}
			want := Process{
				PID: 8, PPID: 1, Name: "a) b\n)", State: "S", UID: 10, GID: 20, EUID: 11, EGID: 21, User: "ten",
				Args: []string{"x", "", "y\nz\xff"}, RSS: 12 * 1024, Threads: 3, StartTicks: 12345,
				Start:  time.Unix(1700000000+123, 450_000_000),
				Cgroup: "0::/a\n1:x:/b\n", RootReadable: true, SigCgt: 0x8000000000004002, SigIgn: 0x1000, SigBlk: 1,
				Undumpable: os.Getuid() != 11, // whose files the kernel would give to somebody else than its user
			}
			if !reflect.DeepEqual(got[0], want) {
				t.Errorf("got  %+v\nwant %+v", got[0], want)
			}
			var users []string
			for _, p := range got {
				users = append(users, fmt.Sprintf("%d %s %v", p.PID, p.User, p.RootReadable))
			}
			if want := []string{"8 ten true", "9 ten true", "10 ten false", "11 zehn true", "12 ten true", "13  false"}; !slices.Equal(users, want) {
				t.Errorf("users %q, want %q", users, want)
			}
			if !want.Catches(2) || !want.Catches(15) || !want.Catches(64) || want.Catches(1) || want.Catches(0) || want.Catches(65) ||
				want.Catches(-1) || !want.Ignores(13) || want.Ignores(12) {
				t.Error("masks are read wrong")
			}
		})
	}
}

func TestListOfRealProcesses(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			args := []string{"", "a\nb", "==> /proc/1/cmdline <==\n1/status:Name:\tinit", "\x1b[2J", "\xff", "--", strings.Repeat("long", 3000)}
			child := helper.StartChild(t, helper.Waits, nil, []string{"COMM=x) R 1 (\n\\n"}, args...)
			zombie := exec.Command("true")
			if err := zombie.Start(); err != nil {
				t.Fatal(err)
			}
			defer zombie.Wait() // it only has to be there
			waitUntilEnded(t, zombie.Process.Pid)

			before := time.Now()
			got, err := processes(t.Context(), r, "/proc")
			if err != nil {
				t.Fatal(err)
			}
			self := find(t, got, os.Getpid())
			if self.PPID != os.Getppid() || int(self.UID) != os.Getuid() || int(self.GID) != os.Getgid() || self.Threads < 2 ||
				self.RSS < 1<<20 || !slices.Equal(self.Args, os.Args) || !self.RootReadable || !self.Helper {
				t.Errorf("this process: %+v", self)
			}
			// The boot time is known to the second only.
			if self.Start.After(before.Add(2*time.Second)) || self.Start.Before(before.Add(-time.Hour)) {
				t.Errorf("started %v, now it is %v", self.Start, before)
			}
			if !self.Catches(int(syscall.SIGURG)) {
				t.Errorf("a Go program handles SIGURG: %x", self.SigCgt)
			}
			cgroup, err := os.ReadFile("/proc/self/cgroup")
			if err != nil || self.Cgroup != string(cgroup) {
				t.Errorf("cgroup %q, want %q (%v)", self.Cgroup, cgroup, err)
			}
			hostile := find(t, got, child.Cmd.Process.Pid)
			if hostile.Name != "x) R 1 (\n\\n" || hostile.PPID != os.Getpid() || !slices.Equal(hostile.Args[1:], args) {
				t.Errorf("got %+v", hostile)
			}
			if dead := find(t, got, zombie.Process.Pid); dead.State != "Z" || len(dead.Args) != 0 || dead.Args == nil || dead.RSS != 0 {
				t.Errorf("zombie: %+v", dead)
			}
			for _, p := range got {
				if p.PPID == os.Getpid() && p.PID != hostile.PID && p.PID != zombie.Process.Pid {
					t.Errorf("the list has what made it: %+v", p)
				}
			}
		})
	}
}

func find(t *testing.T, processes []Process, pid int) Process {
	t.Helper()
	i := slices.IndexFunc(processes, func(p Process) bool { return p.PID == pid })
	if i < 0 {
		t.Fatalf("no process %d among %d", pid, len(processes))
	}
	return processes[i]
}

// waitUntilEnded waits for a child to be a zombie, and leaves it one.
func waitUntilEnded(t *testing.T, pid int) {
	t.Helper()
	const pPID, wNoWait = 1, 0x01000000
	var info [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), uintptr(addressOf(&info)), syscall.WEXITED|wNoWait, 0, 0)
		if errno != syscall.EINTR {
			if errno != 0 {
				t.Fatal(errno)
			}
			return
		}
	}
}

func TestListUsersOfEachRoot(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/passwd"), "somebody:x:12345:0::/:\n")
			child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_ROOT=" + root, "CHILD_UID=12345"})
			got, err := processes(t.Context(), r, "/proc")
			if err != nil {
				t.Fatal(err)
			}
			p := find(t, got, child.Cmd.Process.Pid)
			if p.UID != 12345 || p.EUID != 12345 || p.GID != 0 || p.Helper || p.RootReadable && p.User != "somebody" {
				t.Errorf("got %+v", p)
			}
			if !p.RootReadable {
				t.Log("its root is denied here (no CAP_SYS_PTRACE): its user has no name")
			}
		})
	}
}

// Processes that come and go all the time must not disturb the others.
func TestListWhileProcessesEnd(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						_ = exec.Command("true").Run() // only its coming and going matters
					}
				}
			}()
			for range 5 {
				got, err := processes(t.Context(), r, "/proc")
				if err != nil {
					t.Error(err)
					break
				}
				find(t, got, os.Getpid())
			}
			close(stop)
			<-stopped
		})
	}
}
