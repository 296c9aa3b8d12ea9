// SPDX-License-Identifier: Apache-2.0

// Package threads is the command threads, which shows what each thread of a process waits for.
package threads

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type options struct {
	inspect.Args
	each     bool
	interval time.Duration
}

// A ThreadList is the document of the command.
type ThreadList = inspect.List[proc.Thread, struct{}]

// NewCommand returns the command threads.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "threads POD [PID]",
		Short: "Show what the threads of a container wait for",
		Long: `Show what the threads of a container wait for.

Use it when a process hangs or spins: WAITS-ON is the system call that a thread
is in, with the file, pipe or socket behind its descriptor. Threads of a process
that do the same are one line, unless --each is given. Threads that can't be
interrupted (state D) and zombies (Z) come first, then those that use the most
CPU.

Go programs park goroutines, not threads: see "dump POD goroutines". What Java
threads do is in "dump POD threads".`,
		Example: `  kubectl shareproc threads nginx

  # each thread of process 1, without waiting for a second sample of the CPU
  kubectl shareproc threads nginx 1 --each --interval 0`,
		Args: cli.PodFirst(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			if opts.interval < 0 || opts.interval > maxInterval {
				return cli.Usage(cmd.CommandPath()+" --help", "--interval %s: must be between 0 and %s", opts.interval, maxInterval)
			}
			return verb(opts).Run(cmd.Context(), deps, &opts.Args)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, false)
	cmd.Flags().BoolVar(&opts.each, "each", false, "Print a line for each thread")
	cmd.Flags().DurationVar(&opts.interval, "interval", time.Second, "How long to measure the use of CPU; 0 means since each thread began")
	return cmd
}

const (
	maxInterval = time.Minute
	// maxIDs is how many numbers of threads a line shows.
	maxIDs = 8
)

func verb(opts *options) inspect.Verb[proc.Thread, struct{}] {
	type thread = proc.Thread
	v := inspect.Verb[thread, struct{}]{
		Kind: "ThreadList", Access: podspec.ReadRoot,
		Gather: func(ctx context.Context, l *inspect.Look) (inspect.Found[thread, struct{}], error) {
			return gather(ctx, l, opts)
		},
		Name: ids,
	}
	number := func(name string, wide bool, of func(thread) int) inspect.Column[thread] {
		return inspect.Column[thread]{Name: name, Wide: wide, Of: func(t thread) string { return strconv.Itoa(of(t)) }}
	}
	v.Columns = []inspect.Column[thread]{number("PID", false, func(t thread) int { return t.PID })}
	if opts.each {
		v.Columns = append(v.Columns, number("TID", false, func(t thread) int { return t.TIDs[0] }))
	} else {
		v.Columns = append(v.Columns, number("COUNT", false, func(t thread) int { return t.Count }))
	}
	v.Columns = append(v.Columns,
		inspect.Column[thread]{Name: "STATE", Of: func(t thread) string { return t.State }, Style: stateStyle},
		inspect.Column[thread]{Name: "%CPU", Of: func(t thread) string { return fmt.Sprintf("%.1f", float64(t.CPU)/10) }},
		inspect.Column[thread]{Name: "NAME", Of: func(t thread) string { return cmp.Or(t.Name, "-") }},
		inspect.Column[thread]{Name: "CHANNEL", Wide: true, Of: func(t thread) string { return cmp.Or(t.Channel, "-") }})
	if !opts.each {
		v.Columns = append(v.Columns, inspect.Column[thread]{Name: "TIDS", Wide: true, Of: shortIDs})
	}
	v.Columns = append(v.Columns, inspect.Column[thread]{Name: "WAITS-ON", Of: waitsOn})
	return v
}

func waitsOn(t proc.Thread) string {
	if t.Denied && t.Channel == "" {
		return "<denied>"
	}
	return cmp.Or(t.WaitsOn(), "-")
}

func stateStyle(t proc.Thread) output.Style {
	return map[string]output.Style{"D": output.Red, "Z": output.Red, "R": output.Yellow}[t.State]
}

// ids are the numbers of the threads, a line each.
func ids(t proc.Thread) string {
	words := make([]string, len(t.TIDs))
	for i, tid := range t.TIDs {
		words[i] = strconv.Itoa(tid)
	}
	return strings.Join(words, ",")
}

func shortIDs(t proc.Thread) string {
	if len(t.TIDs) <= maxIDs {
		return ids(t)
	}
	t.TIDs = t.TIDs[:maxIDs]
	return ids(t) + ",..."
}

// gather reads the threads, twice where an interval is measured.
func gather(ctx context.Context, l *inspect.Look, opts *options) (found inspect.Found[proc.Thread, struct{}], err error) {
	processes := withZombies(l)
	pids := make([]int, len(processes))
	for i, p := range processes {
		pids[i] = p.PID
	}
	what := []process.What{process.Threads, process.OfNode("uptime")}
	var before process.Readings
	if opts.interval > 0 {
		if before, err = l.Host.Inspect(ctx, pids, what...); err != nil {
			return found, err
		}
		select {
		case <-ctx.Done():
			return found, context.Cause(ctx)
		case <-time.After(opts.interval):
		}
	}
	now, err := l.Host.Inspect(ctx, pids, append(what, process.Machine, process.Descriptors)...)
	if err != nil {
		return found, err
	}
	threads := proc.Threads(before, now, pids, namer(now, pids))
	found.Notes = denied(processes, threads)
	if !opts.each {
		threads = proc.GroupThreads(threads)
	}
	found.Items = threads
	return found, nil
}

// withZombies are the processes that are asked about, and children of theirs that have ended: on cgroup v1 these are in no
// container any more.
func withZombies(l *inspect.Look) []session.Process {
	list := slices.Clone(l.Processes)
	for _, p := range l.All {
		known := func(pid int) bool {
			return slices.ContainsFunc(list, func(q session.Process) bool { return q.PID == pid })
		}
		if p.State == "Z" && !known(p.PID) && known(p.PPID) {
			list = append(list, p)
		}
	}
	return list
}

// namer says what is behind a descriptor.
func namer(r process.Readings, pids []int) func(pid, fd int) string {
	links := map[[2]int]string{}
	for _, pid := range pids {
		list, _ := r.Descriptors(pid)
		for _, d := range list {
			links[[2]int{pid, d.FD}] = d.Link
		}
	}
	return func(pid, fd int) string { return links[[2]int{pid, fd}] }
}

// denied says which processes don't show what their threads wait for.
func denied(processes []session.Process, threads []proc.Thread) (notes []string) {
	hidden := map[int]bool{}
	for _, t := range threads {
		hidden[t.PID] = hidden[t.PID] || t.Denied
	}
	by := map[string][]string{}
	for _, p := range processes {
		if !hidden[p.PID] {
			continue
		}
		reason := fmt.Sprintf("they are of user %d:%d", p.EUID, p.EGID)
		switch {
		case p.RootReadable:
			reason = "this node shows them only to whoever may trace the process (Yama), or not at all"
		case p.Undumpable:
			reason = "it changed its user without exec"
		}
		by[reason] = append(by[reason], strconv.Itoa(p.PID))
	}
	for reason, pids := range by {
		notes = append(notes, "system calls of PID "+strings.Join(pids, ", ")+" are denied: "+reason)
	}
	slices.Sort(notes)
	return notes
}
