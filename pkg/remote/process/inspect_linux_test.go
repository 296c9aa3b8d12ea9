// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// hostIn is a Host whose processes are in a directory of its own.
func hostIn(t *testing.T, r remote.Runner, proc string) *Host {
	t.Helper()
	c := remote.Connect(t.Context(), r)
	c.Proc = proc
	h := On(c)
	t.Cleanup(func() { h.Close() })
	return h
}

func TestInspectReadsWhatTheKernelSaysOfAProcess(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			deleted, err := os.Create(filepath.Join(t.TempDir(), "a b'c\nd"))
			if err != nil {
				t.Fatal(err)
			}
			defer deleted.Close()
			if _, err := deleted.WriteString("hello"); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(deleted.Name()); err != nil {
				t.Fatal(err)
			}
			me := os.Getpid()
			got, err := hostIn(t, r, "/proc").Inspect(t.Context(), []int{me}, Text("limits"), Text("net/tcp"), Bytes("environ"),
				OfNode("uptime"), Each("stat"), Descriptors, DescriptorCount, Threads, Machine, Clock)
			if err != nil {
				t.Fatal(err)
			}
			var system unix.Utsname
			if err := unix.Uname(&system); err != nil {
				t.Fatal(err)
			}
			if machine := unix.ByteSliceToString(system.Machine[:]); got["machine"].Text != machine {
				t.Errorf("the machine is %q, not %q", got["machine"].Text, machine)
			}
			port := fmt.Sprintf(":%04X 00000000:0000 0A", listener.Addr().(*net.TCPAddr).Port)
			for _, want := range []struct {
				reading Reading
				text    string
			}{
				{got.Of(me, "limits"), "Max open files"},
				{got.Of(me, "net/tcp"), port},
				{got.Of(me, "environ"), fmt.Sprintf("%x", "PATH=")},
				{got["uptime"], "."},
				{got["clock"], time.Now().UTC().Format("2006-01-")},
				{got["clock"], " +0000 "},
				{got["each:stat"], fmt.Sprintf("%d/stat:%d (", me, me)},
				{got.Of(me, "tasks"), fmt.Sprintf("%d/task/%d/stat:%d (", me, me, me)},
			} {
				if !strings.Contains(want.reading.Text, want.text) {
					t.Errorf("not there: %q in %.2000q", want.text, want.reading.Text)
				}
			}
			descriptors, ok := got.Descriptors(me)
			i := slices.IndexFunc(descriptors, func(d Descriptor) bool { return d.FD == int(deleted.Fd()) })
			if !ok || i < 0 {
				t.Fatalf("descriptors: %v %+v", ok, descriptors)
			}
			d := descriptors[i]
			if d.Link != deleted.Name()+" (deleted)" || d.Position != 5 || d.Flags&3 != uint64(os.O_RDWR) || d.Stat == nil || d.Stat.Size != 5 || d.Stat.Nlink != 0 {
				t.Errorf("a deleted file: %+v %+v", d, d.Stat)
			}
			if count := got.Of(me, "fdcount").Text; count == "" || count == "0" {
				t.Errorf("number of descriptors: %q", count)
			}
		})
	}
}

func TestInspectTellsDeniedFromGone(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			proc := helper.Proc(t, helper.Process{PID: 8, Start: 1})
			helper.Write(t, filepath.Join(proc, "8", "environ"), "SECRET=1")
			if err := os.Chmod(filepath.Join(proc, "8", "environ"), 0); err != nil {
				t.Fatal(err)
			}
			got, err := hostIn(t, r, proc).Inspect(t.Context(), []int{8, 9}, Bytes("environ"), Text("limits"), Descriptors, DescriptorCount, Threads)
			if err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() != 0 {
				if e := got.Of(8, "environ"); !e.Denied || e.Text != "" {
					t.Errorf("a file that may not be opened: %+v", e)
				}
			}
			if l := got.Of(8, "limits"); !l.Gone || l.Denied {
				t.Errorf("a file that is not there: %+v", l)
			}
			if fds := got.Of(8, "fd"); !fds.Denied {
				t.Errorf("descriptors that do not show: %+v", fds)
			}
			for _, file := range []string{"environ", "fd"} {
				if gone := got.Of(9, file); !gone.Gone {
					t.Errorf("%s of a process that has ended: %+v", file, gone)
				}
			}
		})
	}
}

func TestAHostAnswersManyQuestionsOverOneConnection(t *testing.T) {
	r := &helper.Counting{Runner: helper.Local{}}
	h := hostIn(t, r, "/proc")
	processes, err := h.Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(processes, func(p Process) bool { return p.PID == os.Getpid() }) {
		t.Error("this process is not listed")
	}
	for range 3 {
		if _, err := h.Inspect(t.Context(), nil, Each("stat")); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.Count.Load(); n != 1 {
		t.Errorf("%d commands", n)
	}
}

func TestCgroupIsReadBelowTheRootOfTheProcess(t *testing.T) {
	kind, err := exec.Command("stat", "-f", "-c", "%t", "/sys/fs/cgroup/memory", "/sys/fs/cgroup").Output()
	if !strings.Contains(string(kind), "63677270") && !strings.Contains(string(kind), "27e0eb") {
		t.Skipf("no cgroup is mounted at /sys/fs/cgroup: %s %v", kind, err)
	}
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			got, err := hostIn(t, r, "/proc").Cgroup(t.Context(), os.Getpid(), "cgroup.procs", "memory/cgroup.procs", "no/such", "../../../etc/passwd")
			if err != nil {
				t.Fatal(err)
			}
			if len(got) < 2 || !strings.Contains(got["uptime"].Text, ".") {
				t.Errorf("no file of the cgroup was read, or no uptime: %+v", got)
			}
			if passwd, ok := got["../../../etc/passwd"]; ok {
				t.Errorf("a file of another file system: %+v", passwd)
			}
			proc := helper.Proc(t, helper.Process{PID: 8, Start: 1, Root: t.TempDir()})
			if _, err = hostIn(t, r, proc).Cgroup(t.Context(), 8, "cgroup.procs"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a root without a cgroup: %v", err)
			}
		})
	}
}
