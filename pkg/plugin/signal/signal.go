// SPDX-License-Identifier: Apache-2.0

// Package signal is the command signal, which sends a signal to a process of a pod.
package signal

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type signalOptions struct {
	cli.HelperFlags
	pod    string
	pid    int
	signal remote.Signal
}

// NewCommand returns the command signal.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &signalOptions{}
	cmd := &cobra.Command{
		Use:   "signal POD PID SIGNAL",
		Short: "Send a signal to a process of a pod",
		Long: `Send a signal to a process of a pod.

Use it to have a process read its configuration again, print its state, or end.

SIGNAL is a name, with or without SIG, such as HUP or RTMIN+3, or a number. The first process of a process
namespace gets only the signals that it handles itself, KILL and STOP never: where such a
signal would do nothing, this command says so, sends nothing and ends with 1.`,
		Example: `  # nginx reads its configuration again
  kubectl shareproc signal nginx 1 HUP`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			args = cli.WithPod(cmd, args)
			pod := cmp.Or(args[0], "-l ...")
			if len(args) < 2 {
				return cli.Usage("kubectl shareproc ps "+pod+", for the PIDs", "name a PID")
			}
			opts.pod = args[0]
			if opts.pid, err = cli.ParsePID(cmd, args[1]); err != nil {
				return err
			}
			if len(args) < 3 {
				return cli.Usage(fmt.Sprintf("%s %s %d TERM, to have it end; HUP, USR1, ... as its manual says", cmd.CommandPath(), pod, opts.pid), "name a signal")
			}
			var known bool
			if opts.signal, known = remote.ParseSignal(args[2]); !known {
				return cli.Usage("a name such as HUP, TERM, USR1, RTMIN+3, or a number from 1 to 64", "%q is not a signal", args[2])
			}
			if err := opts.Validate(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	return cmd
}

func run(ctx context.Context, deps *cli.Deps, opts *signalOptions) error {
	want := session.Wanted{Need: podspec.Signal, AnyProcess: true}
	return cli.Use(ctx, deps, opts.pod, &opts.HelperFlags, want, func(r *cli.Session) error { return signal(ctx, deps, r, opts) })
}

func signal(ctx context.Context, deps *cli.Deps, r *cli.Session, opts *signalOptions) error {
	processes, err := r.Processes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(processes, func(p cli.Process) bool { return p.PID == opts.pid })
	if i < 0 {
		return r.NoProcess(opts.pid)
	}
	p := processes[i]
	if p.PID == 1 && !p.Catches(int(opts.signal)) {
		return hint.With(fmt.Errorf("send %s to process 1 (%s) of pod/%s: it would be ignored: the kernel gives the first process "+
			"of a process namespace only signals that it handles, and this one does not handle %s; nothing was sent",
			opts.signal, remote.Escape(p.Name), r.Session.Pod, opts.signal),
			"a signal that it handles ("+handled(p)+"), or kubectl delete pod "+r.Session.Pod)
	}
	if err := remote.Kill(ctx, r, p.Process, opts.signal); err != nil {
		return cli.NotSignaled(p, fmt.Errorf("send %s to process %d (%s) of pod/%s: %w", opts.signal, p.PID, remote.Escape(p.Name), r.Session.Pod, err))
	}
	deps.Report.Say("sent %s to process %d (%s)", opts.signal, p.PID, p.Name)
	if p.Ignores(int(opts.signal)) {
		deps.Report.Say("process %d ignores %s: nothing will come of it", p.PID, opts.signal)
	}
	return nil
}

func handled(p cli.Process) string {
	text := ""
	for n := remote.Signal(1); n <= 31; n++ {
		if p.Catches(int(n)) {
			if text != "" {
				text += ", "
			}
			text += n.String()
		}
	}
	if text == "" {
		return "it handles none"
	}
	return text
}
