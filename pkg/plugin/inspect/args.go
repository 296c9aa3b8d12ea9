// SPDX-License-Identifier: Apache-2.0

// Package inspect holds what the commands about processes share: VERB POD [PID], a look into one pod or into all of a
// workload's, and how what was found is printed. It does not know any command, and does not read texts of /proc.
package inspect

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Args are what every such command takes.
type Args struct {
	cli.HelperFlags
	Pod string
	// PID is the process that is asked about; 0 for those of the target container.
	PID       int
	Output    string
	NoHeaders bool
	// AllPods asks about every pod of a workload, Parallel of them at once, and Diff only for what differs between them.
	AllPods, Diff bool
	Parallel      int
	// NoLetter leaves --selector without its -l, for a command that is named after a tool to which that is its own.
	NoLetter bool

	own []string
}

// Add adds the flags. own are the formats of -o that the command has besides those of every document.
func (a *Args) Add(cmd *cobra.Command, own ...string) {
	if a.NoLetter {
		a.AddWithoutLetter(cmd.Flags())
	} else {
		a.HelperFlags.Add(cmd.Flags())
	}
	a.own = own
	cli.AddOutput(cmd, &a.Output, own...)
	cmd.Flags().BoolVar(&a.NoHeaders, "no-headers", false, "Omit the header lines")
}

// AddPods adds the flags for all pods of a workload, and --diff where differs is true.
func (a *Args) AddPods(cmd *cobra.Command, differs bool) {
	cmd.Flags().BoolVar(&a.AllPods, "all-pods", false, "Inspect every pod of the workload, or every pod that -l selects, instead of the newest ready one")
	cmd.Flags().IntVar(&a.Parallel, "parallel", cli.DefaultParallel, "How many pods to inspect at once with --all-pods")
	cli.GroupRare(cmd.Flags(), "", "parallel")
	if differs {
		cmd.Flags().BoolVar(&a.Diff, "diff", false, "With --all-pods: print a column for each pod, and only the rows that differ")
	}
}

// Parse takes POD [PID].
func (a *Args) Parse(cmd *cobra.Command, args []string) (err error) {
	if args, err = cli.WithPod(cmd, args); err != nil {
		return err
	}
	a.Pod = args[0]
	if len(args) > 1 {
		if a.PID, err = cli.ParsePID(cmd, args[1]); err != nil {
			return err
		}
	}
	if err := a.Validate(cmd); err != nil {
		return err
	}
	help := cmd.CommandPath() + " --help"
	switch {
	case a.AllPods && a.PID != 0:
		return cli.Usage(help, "--all-pods and a PID are mutually exclusive")
	case a.AllPods && a.Parallel < 1:
		return cli.Usage(help, "--parallel %d: must be at least 1", a.Parallel)
	case a.Diff && !a.AllPods:
		return cli.Usage(help, "--diff needs --all-pods")
	case a.Diff && a.Output == "name", a.Diff && a.Output == "wide":
		return cli.Usage(help, "--diff and -o %s are mutually exclusive", a.Output)
	}
	return cli.CheckOutput(cmd, a.Output, a.own...)
}

// ref is what the user named.
func (a *Args) ref() target.Ref {
	return target.Ref{Arg: a.Pod, Selector: a.Selector, Container: a.Container}
}

// Resolve finds the one pod that is meant.
func (a *Args) Resolve(ctx context.Context, deps *cli.Deps) (target.Target, error) {
	d, err := cli.SessionDeps(deps, &a.HelperFlags, 0)
	if err != nil {
		return target.Target{}, err
	}
	return cli.Resolve(ctx, deps, d, a.ref())
}

// wide reports whether the columns of -o wide are wanted.
func (a *Args) wide() bool { return a.Output == "wide" }
