// SPDX-License-Identifier: Apache-2.0

// Package dump is the command dump, which makes a running program say what it does: the goroutines of a Go program, or the
// threads of a Java one.
package dump

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type options struct {
	inspect.Args
	kind string
	port uint16
	file string
}

const (
	goroutines = "goroutines"
	threads    = "threads"
)

// Kinds are what can be dumped.
func kinds() []string { return []string{goroutines, threads} }

// NewCommand returns the command dump.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "dump POD {goroutines|threads} [PID]",
		Short: "Print what a running Go or Java program does: its goroutines or threads",
		Long: `Print what a running Go or Java program does: its goroutines or threads.

Use it when a program hangs, and neither its log nor "threads" says where.

goroutines asks a Go program for the stacks of its goroutines by pprof, which it
serves where it imports net/http/pprof. The TCP ports at which it listens are
asked, from inside the pod, so that one on localhost is reached too; --port
names another.

threads sends QUIT to a Java virtual machine, which then writes the stacks of
its threads into the container's log, and prints that part of the log. It needs
permission to get pods/log. Without PID it is the container's first process. No
other program gets the signal: most end by it.`,
		Example: `  # exit code 1: nginx is neither a Go program nor a Java one
  kubectl shareproc dump nginx goroutines
  kubectl shareproc dump nginx threads --output-file threads.txt`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.HelperFlags.Add(cmd.Flags())
	cmd.Flags().Uint16Var(&opts.port, "port", 0, "TCP port at which the program serves pprof (default: ask those at which it listens)")
	cmd.Flags().StringVarP(&opts.file, "output-file", "o", "", "File for the dump, instead of standard output")
	return cmd
}

// parse takes POD KIND [PID].
func (o *options) parse(cmd *cobra.Command, args []string) error {
	at := 1
	if cmd.Flags().Changed("selector") {
		at = 0
	}
	if len(args) <= at {
		return cli.Usage(cmd.CommandPath()+" POD goroutines", "what to dump is required: %s", strings.Join(kinds(), " or "))
	}
	o.kind = args[at]
	if !slices.Contains(kinds(), o.kind) {
		return cli.Usage(cmd.CommandPath()+" POD goroutines", "%q is not one of %s", o.kind, strings.Join(kinds(), ", "))
	}
	if o.kind == threads && cmd.Flags().Changed("port") {
		return cli.Usage(cmd.CommandPath()+" --help", "--port is for goroutines")
	}
	return o.Parse(cmd, slices.Delete(slices.Clone(args), at, at+1))
}

func run(ctx context.Context, deps *cli.Deps, opts *options) (err error) {
	access := podspec.ReadRoot
	if opts.kind == threads {
		if err := cli.CheckWritable(deps, "dump threads, which sends a signal,"); err != nil {
			return err
		}
		access = podspec.Signal
	}
	t, err := opts.Resolve(ctx, deps)
	if err != nil {
		return err
	}
	l, err := inspect.Open(ctx, deps, &opts.Args, t, access)
	if err != nil {
		return err
	}
	defer l.Close(ctx, &err)
	out, end, err := destination(deps, opts.file)
	if err != nil {
		return err
	}
	defer end(&err)
	if opts.kind == goroutines {
		return dumpGoroutines(ctx, deps, l, opts, out)
	}
	return dumpThreads(ctx, deps, l, opts, out)
}

// asked is the process that is meant: the one that was named, or the container's first.
func asked(l *inspect.Look, opts *options) session.Process {
	if opts.PID != 0 {
		return l.Processes[0]
	}
	return l.First()
}
