// SPDX-License-Identifier: Apache-2.0

package process

import (
	"strings"
	"time"
)

// A Process is what /proc/PID tells anyone who sees it; proc(5) has the fields. Name and Args are exactly what the
// process says of itself: Escape them for a terminal.
type Process struct {
	PID        int       `json:"pid"`
	PPID       int       `json:"ppid"`
	Name       string    `json:"name"`           // comm, at most 15 bytes
	State      string    `json:"state"`          // one letter: R, S, D, Z, T, t, X, I
	UID        uint32    `json:"uid"`            // real
	GID        uint32    `json:"gid"`            // real
	EUID       uint32    `json:"euid"`           // effective
	EGID       uint32    `json:"egid"`           // effective
	User       string    `json:"user,omitempty"` // UID in the /etc/passwd of the process's own root; "" if unknown
	Args       []string  `json:"args"`           // none for zombies and kernel threads; cut at 64 KiB
	RSS        int64     `json:"rssBytes"`
	Threads    int       `json:"threads"`
	Start      time.Time `json:"startTime"`
	StartTicks uint64    `json:"startTicks"` // field 22 of stat: with the PID it identifies a process, since PIDs are reused
	Cgroup     string    `json:"-"`          // /proc/PID/cgroup as it is
	// RootReadable says that the helper may open the process's root: what Root and Show need.
	RootReadable bool `json:"rootReadable"`
	// Undumpable says that the process changed its user without exec: the kernel then keeps its files in /proc root's
	// (proc(5)), and opens its root only to CAP_SYS_PTRACE. It is false for such a process of root, which looks like any other.
	Undumpable bool `json:"undumpable,omitempty"`
	// Helper says that the process has the same root as the command that listed it: it is one of the helper's own.
	Helper bool `json:"-"`
	// Masks of signals, signal N in bit N-1: handled, ignored, blocked.
	SigCgt uint64 `json:"-"`
	SigIgn uint64 `json:"-"`
	SigBlk uint64 `json:"-"`
}

// Catches reports whether the process handles signal number sig itself. PID 1 of a namespace gets no other signal from
// inside it, KILL and STOP included.
func (p Process) Catches(sig int) bool { return inMask(p.SigCgt, sig) }

// Ignores reports whether the process ignores signal number sig.
func (p Process) Ignores(sig int) bool { return inMask(p.SigIgn, sig) }

func inMask(mask uint64, sig int) bool { return sig >= 1 && sig <= 64 && mask&(1<<(sig-1)) != 0 }

// InContainer reports whether the process's cgroup names the container: id is the hexadecimal part of a containerID,
// without "containerd://".
func (p Process) InContainer(id string) bool { return id != "" && strings.Contains(p.Cgroup, id) }
