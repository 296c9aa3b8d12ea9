// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A Process is one directory of a directory like /proc.
type Process struct {
	PID, Start int
	Root       string // "": denied, as far as the scripts can tell
	Cgroup     string
	PPID       int
	Mounts     string
}

// Proc makes a directory like /proc.
func Proc(t *testing.T, processes ...Process) string {
	t.Helper()
	proc := OpenDirectory(t)
	Write(t, filepath.Join(proc, "stat"), "cpu 1 2\nbtime 1700000000\n")
	for _, p := range processes {
		AddProcess(t, proc, p)
	}
	return proc
}

// AddProcess adds a process to a directory like /proc.
func AddProcess(t *testing.T, proc string, p Process) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(p.PID))
	Write(t, filepath.Join(dir, "stat"), fmt.Sprintf(
		"%d (a) b\n)) S %d 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 %d 20 21\n", p.PID, p.PPID, p.Start))
	Write(t, filepath.Join(dir, "status"),
		"Name:\ta) b\\n)\nState:\tS (sleeping)\nPPid:\t1\nUid:\t10\t11\t12\t13\nGid:\t20\t21\t22\t23\nVmRSS:\t 12 kB\n"+
			"SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\nSigCgt:\t8000000000004002\n")
	Write(t, filepath.Join(dir, "cgroup"), p.Cgroup+"\n")
	Write(t, filepath.Join(dir, "mountinfo"), p.Mounts)
	Write(t, filepath.Join(dir, "cmdline"), "x\x00\x00y\nz\xff\x00\x00\x00")
	if _, err := os.Lstat(filepath.Join(dir, "root")); err != nil && p.Root != "" {
		Symlink(t, p.Root, filepath.Join(dir, "root"))
	}
}
