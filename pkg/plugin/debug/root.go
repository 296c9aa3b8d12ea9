// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// rootFlags are those of debug that make the target's root the shell's /.
type rootFlags struct {
	root         bool
	pid          string
	allVariables bool

	number int
}

// addShared adds the flags of every command with a session, and those that have a file of their own.
func (o *debugOptions) addShared(cmd *cobra.Command) {
	o.Add(cmd.Flags())
	o.root.add(cmd.Flags())
	o.persistFlags.add(cmd)
	cmd.Long += `

With --root the target's files are at /, and the tools are still the helper's.`
	cmd.Example += `

  # a shell whose / is the container's own, with the helper's tools
  kubectl shareproc debug nginx --root`
}

func (o *rootFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&o.root, "root", false, "Make the target's root the shell's /, with the helper's tools on PATH; nothing is written into the target")
	flags.StringVar(&o.pid, "pid", "", "With --root: the process whose root, working directory and environment are meant, instead of the container's first")
	flags.BoolVar(&o.allVariables, "env-from-target", false, "With --root: take over the whole environment of the target's process, secrets included")
}

func (o *rootFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	switch {
	case !o.root && o.pid != "":
		return cli.Usage("--root --pid "+o.pid, "--pid without --root: the shell sees every process")
	case !o.root && o.allVariables:
		return cli.Usage("--root --env-from-target", "--env-from-target without --root")
	case o.root && of.hold != "":
		return cli.Usage("--copy --hold", "--root with --hold: the shell is in that container already")
	case o.pid == "":
		return nil
	}
	var err error
	o.number, err = cli.ParsePID(cmd, o.pid)
	return err
}

func (o *rootFlags) access() podspec.Access {
	if o.root {
		return podspec.Chroot
	}
	return podspec.ReadAll
}

// debugRoot runs the shell or the command with the target's root as /. Where that can't be, a shell is as good beside it; a
// command is not: its paths would name other files.
func debugRoot(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions, t *attach.Terminal, tty bool) error {
	process, err := rootOf(ctx, deps, r, opts)
	if err != nil {
		return err
	}
	root := session.Root{PID: process.PID, AllVariables: opts.root.allVariables}
	err = r.Runner().Run(ctx, root.Try(), nil, io.Discard, io.Discard)
	refused, ok := errors.AsType[*attach.ExitError](err)
	who := fmt.Sprintf("process %d (%s) of pod/%s", process.PID, remote.Escape(process.Name), r.Pod)
	switch {
	case err == nil:
		if tty && len(opts.command) == 0 {
			deps.Report.Say("/ is the root of %s; the tools are the helper's", who)
		}
		return execute(ctx, deps, r, opts, root.Argv(opts.command), t, tty)
	case !ok:
		return err
	case len(opts.command) > 0:
		return hint.With(fmt.Errorf("enter the root of %s: %s", who, session.RootRefusal(refused.Code)),
			fmt.Sprintf("without --root, where it is /proc/%d/root; or kubectl shareproc fs, which follows the target's links", process.PID))
	}
	deps.Report.Say("/ is the helper's and not the root of %s: %s", who, session.RootRefusal(refused.Code))
	deps.Report.Say("the shell opens in /proc/%d/root; links there that begin with a slash lead to the helper's files", process.PID)
	return execute(ctx, deps, r, opts, root.Beside(nil), t, tty)
}

// rootOf finds the process that is meant.
func rootOf(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions) (remote.Process, error) {
	where := r.Where(opts.root.number)
	where.Siblings = opts.root.number == 0
	if r.Copy {
		client, err := deps.Client()
		if err != nil {
			return remote.Process{}, err
		}
		pod, err := client.CoreV1().Pods(r.Namespace).Get(ctx, r.Pod, metav1.GetOptions{})
		if err != nil {
			return remote.Process{}, fmt.Errorf("get pod/%s: %w", r.Pod, err)
		}
		where.Container = target.Target{Pod: pod, Container: r.Target.Container}.ContainerID()
	}
	root, err := remote.Dial(ctx, r.Runner(), where)
	switch {
	case errors.Is(err, remote.ErrNoProcess) && opts.root.number > 0:
		return root.Process, session.NoProcess(r, opts.root.number)
	case err != nil:
		return root.Process, fmt.Errorf("find the root of container %s of pod/%s: %w", r.Target.Container, r.Pod, err)
	}
	return root.Process, root.Close()
}
