// SPDX-License-Identifier: Apache-2.0

package process

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// ticksPerSecond is USER_HZ, 100 on every architecture that Kubernetes runs on.
const ticksPerSecond = 100

// A table is the answer of verb_ps while it is put together.
type table struct {
	boot   time.Time
	self   int // the script's own shell
	rows   map[int]*row
	passwd map[int]map[uint32]string // by the process whose root it is of
}

type row struct {
	Process
	stat, status strings.Builder
	root         int // the process whose root is this one's too, 0: denied
}

func (t *table) read(r *remote.Answer) error {
	*t = table{rows: map[int]*row{}, passwd: map[int]map[uint32]string{}}
	var boot, self, status, lines string
	if err := r.Fields(&boot, &self, &status, &lines); err != nil {
		return err
	}
	var n remote.Numbers
	t.boot = time.Unix(n.Signed(strings.TrimSpace(strings.TrimPrefix(boot, "btime "))), 0)
	t.self = int(n.Signed(self))
	if n.Err != nil {
		return fmt.Errorf("read boot time: %w", n.Err)
	}
	for _, text := range []string{status, lines} {
		if err := t.addLines(text); err != nil {
			return err
		}
	}
	if err := t.readArgs(r); err != nil {
		return err
	}
	if err := t.readPasswd(r); err != nil {
		return err
	}
	return t.finish()
}

// addLines takes lines PID/FILE:TEXT apart.
func (t *table) addLines(text string) error {
	for line := range strings.Lines(text) {
		path, rest, ok := strings.Cut(line, ":")
		number, file, found := strings.Cut(path, "/")
		pid, err := strconv.Atoi(number)
		if !ok || !found || err != nil {
			return fmt.Errorf("read processes: line %q", line)
		}
		p := t.row(pid)
		switch file {
		case "status":
			p.status.WriteString(rest)
		case "stat":
			p.stat.WriteString(rest)
		case "cgroup":
			p.Cgroup += rest
		default:
			return fmt.Errorf("read processes: line %q", line)
		}
	}
	return nil
}

func (t *table) row(pid int) *row {
	if t.rows[pid] == nil {
		t.rows[pid] = &row{Process: Process{PID: pid, Args: []string{}}}
	}
	return t.rows[pid]
}

// readArgs reads fields PID ROOT HEX up to an empty one.
func (t *table) readArgs(r *remote.Answer) error {
	for range maxPID {
		field, err := r.Field()
		if err != nil || field == "" {
			return err
		}
		head, dump, _ := strings.Cut(field, "\n")
		f := strings.Fields(head)
		if len(f) < 2 {
			return fmt.Errorf("read arguments: field %q", head)
		}
		// od starts behind ROOT, on the same line.
		dump = strings.Join(f[2:], "") + dump
		pid, err := strconv.Atoi(f[0])
		if err != nil {
			return fmt.Errorf("read arguments: %w", err)
		}
		p := t.row(pid)
		if p.Args, err = parseArgs(dump); err != nil {
			return err
		}
		if f[1] == "-" {
			continue
		}
		if p.root, err = strconv.Atoi(f[1]); err != nil {
			return fmt.Errorf("read arguments: %w", err)
		}
		p.RootReadable = true
	}
	return remote.ErrEndless
}

// maxPID is the most processes that Linux has (PID_MAX_LIMIT).
const maxPID = 1 << 22

// readPasswd reads pairs of fields to the end.
func (t *table) readPasswd(r *remote.Answer) error {
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		var number, text string
		if err := r.Fields(&number, &text); err != nil {
			return err
		}
		pid, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("read passwd: %w", err)
		}
		t.passwd[pid] = ParseNames(text)
	}
}

// finish reads what the lines of each process say. A process without stat or status went away in between.
func (t *table) finish() error {
	maps.DeleteFunc(t.rows, func(_ int, p *row) bool { return p.stat.Len() == 0 || p.status.Len() == 0 })
	for _, p := range t.rows {
		if err := ParseStat(&p.Process, p.stat.String()); err != nil {
			return err
		}
		if err := ParseStatus(&p.Process, p.status.String()); err != nil {
			return err
		}
		seconds, ticks := p.StartTicks/ticksPerSecond, p.StartTicks%ticksPerSecond
		p.Start = t.boot.Add(time.Duration(seconds)*time.Second + time.Duration(ticks)*time.Second/ticksPerSecond)
	}
	return nil
}

// processes joins what was read.
func (t *table) processes() []Process {
	processes := []Process{}
	roots := t.rootsByCgroup()
	for _, p := range t.rows {
		if t.own(p.PID) {
			continue
		}
		root := p.root
		if root == 0 {
			root = roots[p.Cgroup]
		}
		p.User = t.passwd[root][p.UID]
		p.Helper = root != 0 && root == t.row(t.self).root
		processes = append(processes, p.Process)
	}
	slices.SortFunc(processes, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return processes
}

// own reports whether a process is the script's shell or one of its children. The number of steps is bounded because
// parents read at different times may form a circle.
func (t *table) own(pid int) bool {
	for range len(t.rows) {
		if pid == t.self {
			return true
		}
		p := t.rows[pid]
		if p == nil {
			return false
		}
		pid = p.PPID
	}
	return false
}

// rootsByCgroup finds the root of processes that deny theirs: that of the others of the same container, where it is
// the only one with that cgroup.
func (t *table) rootsByCgroup() map[string]int {
	roots := map[string]int{}
	for _, p := range t.rows {
		if p.root == 0 {
			continue
		}
		if other, ok := roots[p.Cgroup]; ok && other != p.root {
			roots[p.Cgroup] = 0
			continue
		}
		roots[p.Cgroup] = p.root
	}
	return roots
}
