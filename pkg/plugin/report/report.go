// SPDX-License-Identifier: Apache-2.0

// Package report is the command report, which says what is wrong in a container. It gathers facts; pkg/report judges them.
package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type options struct {
	inspect.Args
	interval time.Duration
	bundle   string
}

// Report is the document of the command.
type Report struct {
	output.TypeMeta
	Namespace string           `json:"namespace"`
	Pod       string           `json:"pod"`
	Container string           `json:"container"`
	Time      time.Time        `json:"time"`
	Findings  []report.Finding `json:"findings"`
	Sections  []report.Section `json:"sections"`
	// Notes say what could not be read.
	Notes []string `json:"notes,omitempty"`

	facts  report.Facts
	traits map[string]string
	raw    []rawFile
}

// NewCommand returns the command report.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "report POD",
		Short: "Say what is wrong in a container, and show what is known of it",
		Long: `Say what is wrong in a container, worst first, each with its number and the
command that shows more. Then show what is known of it: state and events,
processes, memory and CPU, open files, connections, threads, file systems, and
the last lines of the log. The output is Markdown.

Use it when a pod misbehaves, and attach its output to the incident.

It finds: restarts and OOM kills, throttling, memory, swap, PIDs, open files,
disks and inodes near their limits, leaking descriptors, deleted files held
open, DNS that does not answer, connections that get no answer or are not
closed, threads that are stuck, zombies, expired certificates, configuration
older than its source, pressure, and clocks. What could not be read is listed at
the end.

With --all-pods every pod of a workload is inspected, and what one has otherwise
than the others is a finding too.`,
		Example: `  kubectl shareproc report nginx

  # keep it, with the raw files and the pod's YAML (without Secrets)
  kubectl shareproc report nginx --bundle incident.tar.gz > incident.md

  # which of the replicas is the odd one?
  kubectl shareproc report deploy/web --all-pods`,
		Args: cli.PodFirst(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			if opts.interval < 100*time.Millisecond || opts.interval > time.Minute {
				return cli.Usage(cmd.CommandPath()+" --help", "--interval %s: must be from 100ms to 1m", opts.interval)
			}
			if opts.bundle != "" && opts.AllPods {
				return cli.Usage(cmd.CommandPath()+" --help", "--bundle and --all-pods are mutually exclusive")
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd, "name")
	opts.AddPods(cmd, false)
	cmd.Flags().DurationVar(&opts.interval, "interval", 2*time.Second, "How long to measure CPU, throttling and growth")
	cmd.Flags().StringVar(&opts.bundle, "bundle", "", "Also write the report, the raw files and the pod's YAML to this file (.tar.gz)")
	cmd.Flags().Lookup("no-headers").Hidden = true
	return cmd
}

func run(ctx context.Context, deps *cli.Deps, opts *options) error {
	var reports []Report
	var failed error
	if opts.AllPods {
		var mu sync.Mutex
		failed = inspect.EachPod(ctx, deps, &opts.Args, func(ctx context.Context, t target.Target) error {
			r, err := look(ctx, deps, opts, t)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				reports = append(reports, r)
			}
			return err
		})
		slices.SortFunc(reports, func(a, b Report) int { return inspect.CompareNames(a.Pod, b.Pod) })
		compare(reports)
	} else {
		t, err := opts.Resolve(ctx, deps)
		if err != nil {
			return err
		}
		r, err := look(ctx, deps, opts, t)
		if err != nil {
			return err
		}
		reports = []Report{r}
	}
	for i := range reports {
		reports[i].Findings = report.Find(reports[i].facts)
	}
	if opts.bundle != "" {
		if err := writeBundle(opts.bundle, reports[0]); err != nil {
			return err
		}
		deps.Report.Say("wrote %s", opts.bundle)
	}
	return errors.Join(show(deps.Streams.Out, opts, reports), failed)
}

// all is how a command for the same pods goes on; more are its flags.
func (o *options) all(more string) string {
	switch {
	case !o.AllPods:
		return ""
	case o.Selector == "":
		return o.Pod + more
	case strings.ContainsAny(o.Selector, " ()!"):
		return "-l '" + o.Selector + "'" + more
	}
	return "-l " + o.Selector + more
}

// look gathers what is known of one pod.
func look(ctx context.Context, deps *cli.Deps, opts *options, t target.Target) (r Report, err error) {
	l, err := inspect.Open(ctx, deps, &opts.Args, t, podspec.ReadRoot)
	if err != nil {
		return r, err
	}
	defer l.Close(ctx, &err)
	return gather(ctx, deps, l, opts)
}

func show(w io.Writer, opts *options, reports []Report) error {
	switch {
	case opts.Output == "name":
		for _, r := range reports {
			for _, f := range r.Findings {
				if _, err := fmt.Fprintln(w, f.Rule); err != nil {
					return err
				}
			}
		}
		return nil
	case opts.Output != "" && opts.AllPods:
		return output.PrintObject(w, opts.Output, List{output.NewTypeMeta("ReportList"), reports})
	case opts.Output != "":
		return output.PrintObject(w, opts.Output, reports[0])
	}
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := report.Page(w, r.facts, r.Findings, r.page()); err != nil {
			return err
		}
	}
	return nil
}

// page are the sections with what could not be read behind them.
func (r Report) page() []report.Section {
	if len(r.Notes) == 0 {
		return r.Sections
	}
	return append(slices.Clone(r.Sections), report.Section{Title: "Not read", Lines: r.Notes})
}

// A List is the document of --all-pods.
type List struct {
	output.TypeMeta
	Items []Report `json:"items"`
}
