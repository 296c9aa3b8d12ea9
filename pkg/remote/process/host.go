// SPDX-License-Identifier: Apache-2.0

// Package process answers "what runs there?": processes that a helper sees, what the kernel says about them in /proc, and signals
// to them. It reads texts and takes apart only what has to be known to read more; pkg/proc says what the others mean.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Host is a connection to a helper for questions about all processes that it sees, whether or not their roots open. It is
// made by the first question.
type Host struct {
	conn *remote.Conn
}

// On returns a Host that asks over a connection.
func On(c *remote.Conn) *Host { return &Host{c} }

// Conn is the connection, for other questions.
func (h *Host) Conn() *remote.Conn { return h.conn }

// Close ends the connection, or gives back one that was lent.
func (h *Host) Close() error { return h.conn.Close() }

// Processes returns every process that the helper sees, ordered by PID, without those that make the list. Processes that end
// while it is made are left out.
func (h *Host) Processes(ctx context.Context) ([]Process, error) {
	var t table
	err := h.conn.Ask(ctx, remote.Request{Verb: "ps", Args: []string{h.conn.Proc}}, t.read)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	return t.processes(), nil
}

// What names texts that Inspect reads.
type What string

// Each is a small text file of each process, such as "stat": all of them in one text with the key "each:FILE", in which each line
// is PID/FILE:LINE.
func Each(file string) What { return What("each:" + file) }

// TextLimit is where a text is cut.
const TextLimit = 8_000_000

// Text is a text file of each process, such as "limits" or "net/tcp", with the key "PID/FILE"; cut at TextLimit bytes.
func Text(file string) What { return What("text:" + file) }

// Bytes is a file of each process with NULs in it, such as "environ", as hexadecimal digits with the key "PID/FILE"; cut at 2 MiB.
func Bytes(file string) What { return What("hex:" + file) }

// OfNode is a text file of /proc itself, such as "uptime", with the key FILE.
func OfNode(file string) What { return What("node:" + file) }

// Descriptors, their number and threads of each process: pkg/proc reads the texts.
const (
	// Descriptors has the keys "PID/fd", "PID/fdstat" and "PID/fdinfo".
	Descriptors What = "fds"
	// DescriptorCount has the key "PID/fdcount" and a decimal number.
	DescriptorCount What = "fdcount"
	// Threads has the key "PID/tasks", with lines PID/task/TID/FILE:LINE of stat, wchan and syscall.
	Threads What = "tasks"
	// Machine is what uname(1) calls the node's processor, such as "x86_64", by which system calls are numbered.
	Machine What = "machine"
	// Clock has the key "clock": the node's time, and for how many seconds it has run.
	Clock What = "clock"
)

// A Reading is a text of the kernel's, or why there is none.
type Reading struct {
	Text string
	// Denied says that it is there and that the helper may not open it, Gone that it is not there.
	Denied, Gone bool
}

// Readings are texts by their key.
type Readings map[string]Reading

// Of is the text about a process.
func (r Readings) Of(pid int, file string) Reading {
	reading, ok := r[strconv.Itoa(pid)+"/"+file]
	if !ok {
		return Reading{Gone: true}
	}
	return reading
}

// Inspect reads what the kernel says about processes, or about all that the helper sees where pids is empty. It is one request.
// What is denied or gone is no error.
func (h *Host) Inspect(ctx context.Context, pids []int, what ...What) (Readings, error) {
	q := remote.Request{Verb: "inspect", Args: []string{h.conn.Proc}}
	for _, w := range what {
		q.Args = append(q.Args, string(w))
	}
	for _, pid := range pids {
		q.Names = append(q.Names, strconv.Itoa(pid))
	}
	return h.read(ctx, "read /proc", q)
}

// Cgroup reads files of the cgroup of a process's container, named as below /sys/fs/cgroup of its root: of version 1
// "memory/memory.stat", of version 2 "memory.stat". What is not there is left out. The key "uptime" has the node's, for rates. The error is fs.ErrPermission where the
// root of the process is denied, and fs.ErrNotExist where no cgroup is mounted in it.
func (h *Host) Cgroup(ctx context.Context, pid int, files ...string) (Readings, error) {
	q := remote.Request{Verb: "cgroup", Args: append([]string{h.conn.Proc, strconv.Itoa(pid)}, files...), Reads: true}
	return h.read(ctx, fmt.Sprintf("read the cgroup of process %d", pid), q)
}

func (h *Host) read(ctx context.Context, what string, q remote.Request) (Readings, error) {
	readings := Readings{}
	err := h.conn.Ask(ctx, q, func(b *remote.Answer) error {
		clear(readings)
		for {
			if _, err := b.Peek(1); errors.Is(err, io.EOF) {
				return nil
			}
			var path, text, state string
			if err := b.Fields(&path, &text, &state); err != nil {
				return err
			}
			readings[path] = Reading{Text: text, Denied: state == "-", Gone: state == "0"}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return readings, nil
}

// Lines calls each with the parts of lines PATH:TEXT that grep made, PATH cut at its slashes.
func (r Reading) Lines(each func(path []string, text string)) {
	for line := range strings.Lines(r.Text) {
		path, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if ok {
			each(strings.Split(path, "/"), text)
		}
	}
}
