// SPDX-License-Identifier: Apache-2.0

package process

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// ParseStat reads /proc/PID/stat into p: Name, State, PPID, Threads, StartTicks. The name stands in parentheses
// and may hold anything, parentheses and newlines too, so everything else is behind the last of them.
func ParseStat(p *Process, text string) error {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return fmt.Errorf("read stat of process %d: %q", p.PID, text)
	}
	f := strings.Fields(text[end+1:])
	if len(f) < 20 {
		return fmt.Errorf("read stat of process %d: %d fields behind the name", p.PID, len(f))
	}
	var n remote.Numbers
	p.Name, p.State = text[open+1:end], f[0]
	p.PPID, p.Threads = int(n.Signed(f[1])), int(n.Signed(f[17]))
	p.StartTicks = n.Unsigned(f[19], 10, 64)
	if n.Err != nil {
		return fmt.Errorf("read stat of process %d: %w", p.PID, n.Err)
	}
	return nil
}

// ParseStatus reads lines of /proc/PID/status into p. Lines it does not know, and that are missing, do no harm: a
// zombie has no VmRSS.
func ParseStatus(p *Process, text string) error {
	var n remote.Numbers
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":\t")
		if !ok {
			continue
		}
		f := strings.Fields(value)
		switch {
		case key == "Name":
			p.Name = unescapeName(value)
		case len(f) == 0:
		case key == "Uid" && len(f) > 1:
			p.UID, p.EUID = uint32(n.Unsigned(f[0], 10, 32)), uint32(n.Unsigned(f[1], 10, 32))
		case key == "Gid" && len(f) > 1:
			p.GID, p.EGID = uint32(n.Unsigned(f[0], 10, 32)), uint32(n.Unsigned(f[1], 10, 32))
		case key == "Owner":
			p.Undumpable = uint32(n.Unsigned(f[0], 10, 32)) != p.EUID
		case key == "VmRSS":
			p.RSS = n.Signed(f[0]) * 1024
		case key == "SigBlk":
			p.SigBlk = n.Unsigned(f[0], 16, 64)
		case key == "SigIgn":
			p.SigIgn = n.Unsigned(f[0], 16, 64)
		case key == "SigCgt":
			p.SigCgt = n.Unsigned(f[0], 16, 64)
		}
	}
	if n.Err != nil {
		return fmt.Errorf("read status of process %d: %w", p.PID, n.Err)
	}
	return nil
}

// unescapeName undoes what the kernel does to the name in status (proc_task_name in fs/proc/array.c): a newline is
// written \n and a backslash \\.
func unescapeName(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(text)
}

// parseArgs reads od's hexadecimal of /proc/PID/cmdline: arguments that each end with a NUL. A program that writes
// its title over its arguments (nginx) leaves NULs behind it, which are no arguments.
func parseArgs(dump string) ([]string, error) {
	raw, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
	if err != nil {
		return nil, fmt.Errorf("read arguments: %w", err)
	}
	text := string(raw)
	title := strings.TrimRight(text, "\x00")
	if title == "" {
		return []string{}, nil
	}
	return strings.Split(title, "\x00"), nil
}
