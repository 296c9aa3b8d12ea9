// SPDX-License-Identifier: Apache-2.0

// Package signal is the command signal, which sends a signal to a process of a pod.
package signal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type signalOptions struct {
	cli.HelperFlags
	pod    string
	pid    int
	signal process.Signal
}

// NewCommand returns the command signal.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &signalOptions{}
	cmd := &cobra.Command{
		Use:   "signal POD PID SIGNAL",
		Short: "Send a signal to a process of a pod",
		Long: `Send a signal to a process of a pod.

Use it to make a process reload its configuration, print its state or exit.

SIGNAL is a name, with or without SIG, such as HUP or RTMIN+3, or a number. The
first process of a process namespace gets only signals that it handles, and KILL
and STOP never: a signal that would have no effect is reported and not sent, and
the exit code is 1.`,
		Example: `  # make nginx reload its configuration
  kubectl shareproc signal nginx 1 HUP`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if args, err = cli.WithPod(cmd, args); err != nil {
				return err
			}
			pod := cmp.Or(args[0], "-l ...")
			if len(args) < 2 {
				return cli.Usage("kubectl shareproc ps "+pod, "a PID is required")
			}
			opts.pod = args[0]
			if opts.pid, err = cli.ParsePID(cmd, args[1]); err != nil {
				return err
			}
			if len(args) < 3 {
				return cli.Usage(fmt.Sprintf("%s %s %d TERM", cmd.CommandPath(), pod, opts.pid), "a signal is required")
			}
			var known bool
			if opts.signal, known = process.ParseSignal(args[2]); !known {
				return cli.Usage("use a name such as HUP, TERM, USR1 or RTMIN+3, or a number from 1 to 64", "%q is not a signal", args[2])
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

func run(ctx context.Context, deps *cli.Deps, opts *signalOptions) (err error) {
	if err := cli.CheckWritable(deps, "signal"); err != nil {
		return err
	}
	s, err := cli.Open(ctx, deps, opts.pod, &opts.HelperFlags, session.Request{Access: podspec.Signal, AnyProcess: true}, 0)
	if err != nil {
		return err
	}
	defer s.CloseInto(ctx, &err)
	p, err := find(ctx, s, opts)
	if err != nil {
		return err
	}
	err = process.Kill(ctx, s.Runner(), p.Process, opts.signal)
	if errors.Is(err, fs.ErrPermission) {
		user := podspec.User{UID: int64(p.UID), GID: int64(p.GID)}
		better, failed := s.SwitchHelper(ctx, podspec.TargetUserOf(s.Target.Pod, s.Target.Container).Observed(user, false))
		switch {
		case failed != nil:
			return failed
		case better:
			err = process.Kill(ctx, s.Runner(), p.Process, opts.signal)
		}
	}
	if err != nil {
		return fmt.Errorf("send %s to process %d (%s) in pod/%s: %w", opts.signal, p.PID, remote.Escape(p.Name), s.Pod, err)
	}
	deps.Report.Say("sent %s to process %d (%s)", opts.signal, p.PID, p.Name)
	if p.Ignores(int(opts.signal)) {
		deps.Report.Say("process %d ignores %s, so it has no effect", p.PID, opts.signal)
	}
	return nil
}

// find finds the process, and refuses a signal that it can't get.
func find(ctx context.Context, s *session.Session, opts *signalOptions) (session.Process, error) {
	processes, err := s.Processes(ctx)
	if err != nil {
		return session.Process{}, err
	}
	i := slices.IndexFunc(processes, func(p session.Process) bool { return p.PID == opts.pid })
	if i < 0 {
		return session.Process{}, session.NoProcess(s, opts.pid)
	}
	p := processes[i]
	if p.PID == 1 && !p.Catches(int(opts.signal)) {
		return p, hint.With(fmt.Errorf("send %s to process 1 (%s) in pod/%s: it has no handler for %s, "+
			"so the kernel would drop it; nothing was sent",
			opts.signal, remote.Escape(p.Name), s.Pod, opts.signal),
			"use a signal that it handles ("+handled(p)+"), or run kubectl delete pod "+s.Pod)
	}
	return p, nil
}

func handled(p session.Process) string {
	text := ""
	for n := process.Signal(1); n <= 31; n++ {
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
