// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// tasksText is from a JVM and a shell of this kernel, with names that threads may give themselves.
const tasksText = `7/task/9/stat:9 (GC Thread#1) S 1 7 7 0 -1 4194368 0 0 0 0 30 10 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/9/wchan:futex_do_wait
7/task/9/syscall:202 0x7fb9f40153e8 0x189 0x0 0x0 0x0 0xffffffff 0x7fb9fabff8a0 0x7fb9fd1a8d36
7/task/10/stat:10 (GC Thread#12) S 1 7 7 0 -1 4194368 0 0 0 0 0 0 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/10/wchan:futex_do_wait
7/task/10/syscall:202 0x7fb9f40153e8 0x189 0x0 0x0 0x0 0xffffffff 0x7fb9fabff8a0 0x7fb9fd1a8d36
7/task/7/stat:7 (a) S 0 (b
7/task/7/stat:) D 1 7 7 0 -1 4194368 0 0 0 0 100 50 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/7/wchan:pipe_read
7/task/7/syscall:0 0x3 0x7f4092a6f000 0x20000 0x7f4092b02b60 0xffffffff 0x0 0x7ffeb520ea68 0x7f4092beb2ad
7/task/11/stat:11 (busy) R 1 7 7 0 -1 4194368 0 0 0 0 200 0 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/11/wchan:0
7/task/11/syscall:running
7/task/12/stat:12 (page) S 1 7 7 0 -1 4194368 0 0 0 0 0 0 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/12/wchan:folio_wait_bit
7/task/12/syscall:-1 0x7ffeb520ea68 0x7f4092beb2ad
7/task/13/stat:13 (other) S 1 7 7 0 -1 4194368 0 0 0 0 0 0 0 0 20 0 11 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
7/task/13/wchan:0
7/task/14/stat:14 (gone
7/task/x/stat:15 (none) S 1
`

func readings(tasks, machine, uptime string) process.Readings {
	return process.Readings{"7/tasks": {Text: tasks}, "machine": {Text: machine}, "uptime": {Text: uptime}}
}

func pipe(_, fd int) string { return fmt.Sprintf("pipe %d", fd) }

func TestThreadsSayWhatTheyWaitFor(t *testing.T) {
	var got []string
	for _, thread := range Threads(nil, readings(tasksText, "x86_64", "10.00 9.00\n"), []int{7, 8}, pipe) {
		got = append(got, fmt.Sprintf("%q %s %d%% %s %v", thread.Name, thread.State, thread.CPU/10, thread.WaitsOn(), thread.Denied))
	}
	want := []string{
		`"a) S 0 (b\n" D 30% read 3: pipe 3 in pipe_read false`,
		`"busy" R 40% (runs) false`,
		`"GC Thread#1" S 8% futex false`,
		`"GC Thread#12" S 0% futex false`,
		`"page" S 0% folio_wait_bit false`,
		`"other" S 0%  true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestThreadsUseWhatTheyUsedInBetween(t *testing.T) {
	later := strings.NewReplacer("30 10 0 0", "70 20 0 0", " 100 50 ", " 100 50 ").Replace(tasksText) +
		"7/task/20/stat:20 (new) S 1 7 7 0 -1 4194368 0 0 0 0 5 0 0 0 20 0 11 0 1150 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	cpu := map[string]int{}
	for _, thread := range Threads(readings(tasksText, "x86_64", "10.00 9.00\n"), readings(later, "x86_64", "12.00 9.00\n"), []int{7}, pipe) {
		cpu[thread.Name] = thread.CPU
	}
	if cpu["GC Thread#1"] != 250 || cpu["busy"] != 0 || cpu["new"] != 100 {
		t.Errorf("%v", cpu)
	}
}

func TestThreadsThatDoTheSameAreOneGroup(t *testing.T) {
	groups := GroupThreads(Threads(nil, readings(tasksText, "x86_64", "10.00 9.00\n"), []int{7}, pipe))
	i := slices.IndexFunc(groups, func(g Thread) bool { return g.Count > 1 })
	if i < 0 || len(groups) != 5 || groups[i].Name != "GC Thread#*" || groups[i].Count != 2 || !slices.Equal(groups[i].TIDs, []int{9, 10}) || groups[i].CPU != 80 {
		t.Errorf("%+v", groups)
	}
}

func TestZombiesWaitForTheirParent(t *testing.T) {
	text := "7/task/7/stat:7 (sh) Z 3 7 7 0 -1 4194368 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n7/task/7/wchan:0\n"
	threads := Threads(nil, readings(text, "x86_64", "10.00 9.00\n"), []int{7}, pipe)
	if len(threads) != 1 || threads[0].WaitsOn() != "its parent, PID 3" || threads[0].Denied {
		t.Errorf("%+v", threads)
	}
}

func TestSystemCallsHaveTheNamesOfTheirMachine(t *testing.T) {
	for _, c := range []struct {
		text, machine string
		want          Call
		ok            bool
	}{
		{"0 0x3 0x7f 0x20000 0x0 0x0 0x0 0x1 0x2", "x86_64", Call{"read", 3}, true},
		{"63 0x3 0x7f 0x20000 0x0 0x0 0x0 0x1 0x2", "aarch64", Call{"read", 3}, true},
		{"42 0xffffffff00000005 0x0", "x86_64", Call{"connect", 5}, true},
		{"98 0x5 0x0", "aarch64", Call{"futex", -1}, true},
		{"22 0x4 0x0", "aarch64", Call{"epoll_pwait", -1}, true},
		{"232 0x4 0x0", "x86_64", Call{"epoll_wait", -1}, true},
		{"63 0x3", "ppc64le", Call{"syscall 63", -1}, true},
		{"9999 0x3", "x86_64", Call{"syscall 9999", -1}, true},
		{"0", "x86_64", Call{"read", -1}, true},
		{"running", "x86_64", Call{}, false},
		{"-1 0x7ffe 0x7f40", "x86_64", Call{}, false},
		{"", "x86_64", Call{}, false},
	} {
		if got, ok := ParseCall(c.text, c.machine); got != c.want || ok != c.ok {
			t.Errorf("%q on %s: %+v %v", c.text, c.machine, got, ok)
		}
	}
}

func FuzzThreads(f *testing.F) {
	f.Add(tasksText, "x86_64", "10.00 9.00\n")
	f.Add("7/task/7/stat:7 (x) R 1\n7/task/7/stat:) S 0 "+strings.Repeat("9 ", 30), "aarch64", "x")
	var own strings.Builder
	files, _ := filepath.Glob("/proc/self/task/*/*")
	for _, file := range files {
		if name := filepath.Base(file); name == "stat" || name == "wchan" || name == "syscall" {
			if text, err := os.ReadFile(file); err == nil {
				fmt.Fprintf(&own, "7%s:%s\n", strings.TrimPrefix(file, "/proc/self"), text)
			}
		}
	}
	f.Add(own.String(), "x86_64", "100000000.00 9.00\n")
	f.Add("7/task/7/stat:7 (x) S 0"+strings.Repeat(" 9223372036854775807", 37), "x86_64", "NaN")
	f.Fuzz(func(t *testing.T, tasks, machine, uptime string) {
		now := readings(tasks, machine, uptime)
		list := Threads(nil, now, []int{7}, pipe)
		count := 0
		for _, g := range GroupThreads(append(list, Threads(now, now, []int{7}, pipe)...)) {
			if g.Count != len(g.TIDs) || len(g.State) != 1 || g.CPU < 0 {
				t.Errorf("%+v", g)
			}
			count += g.Count
		}
		if count != 2*len(list) {
			t.Errorf("%d threads in groups, %d in all", count, len(list))
		}
	})
}
