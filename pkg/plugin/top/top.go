// SPDX-License-Identifier: Apache-2.0

// Package top is the command top: what a container uses of what it may use, and which of its processes does. It does not read
// texts of the kernel's: pkg/proc does.
package top

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

type options struct {
	inspect.Args
	once     bool
	sortBy   string
	interval time.Duration
}

// found is what a look has found.
type found = inspect.Found[inspect.Process, proc.Cgroup]

// List is what "top -o json" prints.
type List = inspect.List[inspect.Process, proc.Cgroup]

// NewCommand returns the command top.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "top POD",
		Short: "Show what a container uses: memory, CPU, throttling, processes",
		Long: `Show what a container uses of what it may use, and which process uses it.

Use it when a container is slow, throttled or near its memory limit. The numbers
above the table come from the container's own control group: what the kernel
accounts and limits, whatever the pod's spec says. On a terminal the screen is
updated until q is typed, and ? lists the keys; elsewhere, and with --once, one
table is printed.

Memory used is the working set, by which the kubelet evicts pods. Throttled is
the share of periods in which the CPU quota was used up.`,
		Example: `  kubectl shareproc top nginx
  kubectl shareproc top nginx --once --sort-by memory

  # one line for each pod: which replica is the odd one?
  kubectl shareproc top deploy/web --all-pods`,
		Args: cli.PodFirst(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			if err := inspect.CheckUsage(cmd, opts.sortBy, opts.interval); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, false)
	cmd.Flags().BoolVar(&opts.once, "once", false, "Print one table, on a terminal too")
	inspect.AddSort(cmd, &opts.sortBy, "cpu")
	inspect.AddInterval(cmd, &opts.interval, "what was used since the start, in one table")
	return cmd
}

func run(ctx context.Context, deps *cli.Deps, opts *options) error {
	terminal := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut)
	if terminal.InputIsTerminal() && terminal.OutputIsTerminal() && opts.Output == "" && !opts.AllPods && !opts.once && opts.interval > 0 {
		return live(ctx, deps, opts)
	}
	return verb(opts).Run(ctx, deps, &opts.Args)
}

// verb prints one table.
func verb(opts *options) inspect.Verb[inspect.Process, proc.Cgroup] {
	return inspect.Verb[inspect.Process, proc.Cgroup]{
		Kind:   "ResourceUsage",
		Access: podspec.ReadRoot,
		Gather: func(ctx context.Context, l *inspect.Look) (found, error) {
			g := newGauge(l)
			if opts.interval == 0 {
				g.sinceStart(l)
			} else if _, err := g.read(ctx, l); err != nil {
				return found{}, err
			} else if err := inspect.Wait(ctx, opts.interval); err != nil {
				return found{}, err
			}
			all, err := g.read(ctx, l)
			inspect.Sort(all.Items, opts.sortBy)
			return all, err
		},
		Columns:       columns(),
		PodColumns:    podColumns(),
		Heading:       func(l List) []string { return texts(heading(l.Summary)) },
		HeadingStyles: func(l List) []output.Style { return styles(heading(l.Summary)) },
		Name:          func(p inspect.Process) string { return strconv.Itoa(p.PID) },
	}
}

func columns() []inspect.Column[inspect.Process] {
	return []inspect.Column[inspect.Process]{
		{Name: "PID", Of: func(p inspect.Process) string { return strconv.Itoa(p.PID) }},
		{Name: "USER", Of: inspect.Process.UserCell},
		{Name: "STATE", Of: func(p inspect.Process) string { return p.State }},
		{Name: "%CPU", Number: true, Of: inspect.Process.CPUCell},
		{Name: "RSS", Number: true, Of: func(p inspect.Process) string { return output.HumanBytes(p.RSS) }},
		{Name: "TIME", Number: true, Of: inspect.Process.TimeCell},
		{Name: "FDS", Number: true, Of: inspect.Process.FilesCell, Style: inspect.Process.FilesStyle},
		{Name: "THREADS", Number: true, Wide: true, Of: func(p inspect.Process) string { return strconv.Itoa(p.Threads) }},
		{Name: "NICE", Number: true, Wide: true, Of: func(p inspect.Process) string { return number(p.Nice) }},
		{Name: "MAJFLT", Number: true, Wide: true, Of: func(p inspect.Process) string { return number(p.MajorFaults) }},
		{Name: "COMMAND", Of: inspect.Process.CommandCell},
	}
}

func podColumns() []inspect.Column[List] {
	return []inspect.Column[List]{
		{Name: "CONTAINER", Of: func(l List) string { return l.Container }},
		{Name: "CPU", Number: true, Of: func(l List) string { return cpuCell(l.Summary.CPU) }, Style: func(l List) output.Style { return cpuStyle(l.Summary.CPU) }},
		{Name: "THROTTLED", Number: true, Of: func(l List) string { return throttledCell(l.Summary.CPU) }, Style: func(l List) output.Style { return throttledStyle(l.Summary.CPU) }},
		{Name: "MEMORY", Number: true, Of: func(l List) string { return memoryCell(l.Summary.Memory) }, Style: func(l List) output.Style { return memoryStyle(l.Summary.Memory) }},
		{Name: "PEAK", Number: true, Of: func(l List) string { return peakCell(l.Summary.Memory) }},
		{Name: "OOM-KILLS", Number: true, Of: func(l List) string { return oomCell(l.Summary.Memory) }},
		{Name: "PIDS", Number: true, Of: func(l List) string { return pidsCell(l.Summary.PIDs) }, Style: func(l List) output.Style { return pidsStyle(l.Summary.PIDs) }},
	}
}
