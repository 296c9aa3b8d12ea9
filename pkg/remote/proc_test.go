// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A fakeProcess is one directory of a directory like /proc.
type fakeProcess struct {
	pid, start int
	root       string // "": denied, as far as the scripts can tell
	cgroup     string
	ppid       int
	mounts     string
}

// fakeProc makes a directory like /proc.
func fakeProc(t *testing.T, processes ...fakeProcess) string {
	t.Helper()
	proc := openDirectory(t)
	write(t, filepath.Join(proc, "stat"), "cpu 1 2\nbtime 1700000000\n")
	for _, p := range processes {
		addProcess(t, proc, p)
	}
	return proc
}

func addProcess(t *testing.T, proc string, p fakeProcess) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(p.pid))
	write(t, filepath.Join(dir, "stat"), fmt.Sprintf(
		"%d (a) b\n)) S %d 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 %d 20 21\n", p.pid, p.ppid, p.start))
	write(t, filepath.Join(dir, "status"),
		"Name:\ta) b\\n)\nState:\tS (sleeping)\nPPid:\t1\nUid:\t10\t11\t12\t13\nGid:\t20\t21\t22\t23\nVmRSS:\t 12 kB\n"+
			"SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\nSigCgt:\t8000000000004002\n")
	write(t, filepath.Join(dir, "cgroup"), p.cgroup+"\n")
	write(t, filepath.Join(dir, "mountinfo"), p.mounts)
	write(t, filepath.Join(dir, "cmdline"), "x\x00\x00y\nz\xff\x00\x00\x00")
	if _, err := os.Lstat(filepath.Join(dir, "root")); err != nil && p.root != "" {
		symlink(t, p.root, filepath.Join(dir, "root"))
	}
}

// fakeRoot is the root of process 8 in a directory like /proc, whose files are in the directory root.
func fakeRoot(t *testing.T, r Runner, root string) *Root {
	t.Helper()
	proc := fakeProc(t, fakeProcess{pid: 8, start: 100, root: root, cgroup: "0::/aaaa"})
	return dial(t, r, proc, Where{PID: 8})
}

// dialIn is Dial where processes are in another directory.
func dialIn(ctx context.Context, r Runner, proc string, w Where) (*Root, error) {
	c := Connect(ctx, r)
	c.Proc = proc
	root, err := RootOf(ctx, c, w)
	if err != nil {
		c.Close()
	}
	return root, err
}

// dial connects for as long as the test runs.
func dial(t *testing.T, r Runner, proc string, w Where) *Root {
	t.Helper()
	root, err := dialIn(t.Context(), r, proc, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}
