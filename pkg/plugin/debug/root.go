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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// rootFlags are those of debug that make the target's root the shell's /.
type rootFlags struct {
	root         bool
	pid          string
	allVariables bool

	number int
}

// addFlags adds the flags of every command with a session, those that have a file of their own, and the rest.
func (o *debugOptions) addFlags(cmd *cobra.Command) {
	o.Add(cmd.Flags())
	o.root.add(cmd.Flags())
	o.persistFlags.add(cmd)
	o.addOwn(cmd.Flags())
	o.AddPods(cmd.Flags(), "Run COMMAND in")
	cmd.Long += `

With --root the files of the target are at /, and the tools come from the
helper.

With --all-pods the command runs in every pod of a workload, or that --selector
selects. Each line begins with its pod, and the exit code is 1 if it failed in
one of them.`
	cmd.Example += `

  # open a shell whose / is the target's root, with the tools of the helper
  kubectl shareproc debug nginx --root

  # run one command in every pod of a Deployment
  kubectl shareproc debug deploy/web --all-pods -- cat /proc/loadavg`
}

func (o *rootFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&o.root, "root", false, "Use the target's root as /, with the helper's tools on PATH; nothing is written to the target")
	flags.StringVar(&o.pid, "pid", "", "With --root: use the root, working directory and environment of this process (default: the container's first)")
	flags.BoolVar(&o.allVariables, "env-from-target", false, "With --root: use the whole environment of the target's process, including secrets")
	cli.GroupRare(flags, "", "pid", "env-from-target")
}

func (o *rootFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	switch {
	case !o.root && o.pid != "":
		return cli.Usage("use --root --pid "+o.pid, "--pid requires --root: the shell sees every process")
	case !o.root && o.allVariables:
		return cli.Usage("use --root --env-from-target", "--env-from-target requires --root")
	case o.root && of.hold != "":
		return cli.Usage("use --copy --hold", "--root and --hold are mutually exclusive: the shell is already in that container")
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
	root := launch.Root{PID: process.PID, AllVariables: opts.root.allVariables}
	err = r.Runner().Run(ctx, root.Try(), nil, io.Discard, io.Discard)
	refused, ok := errors.AsType[*attach.ExitError](err)
	who := fmt.Sprintf("process %d (%s) in pod/%s", process.PID, remote.Escape(process.Name), r.Pod)
	switch {
	case err == nil:
		command := opts.command
		if tty && len(command) == 0 {
			deps.Report.Say("/ is that of %s; the tools are the helper's", who)
			command = prompted("sh", r)
		}
		return execute(ctx, deps, r, opts, root.Argv(command), t, tty)
	case !ok:
		return err
	case len(opts.command) > 0:
		return hint.With(fmt.Errorf("enter the root of %s: %s", who, launch.RootRefusal(refused.Code)),
			fmt.Sprintf("leave out --root and use /proc/%d/root, or use kubectl shareproc fs, which resolves links inside the target", process.PID))
	}
	deps.Report.Say("cannot use the root of %s as /: %s", who, launch.RootRefusal(refused.Code))
	deps.Report.Say("the shell starts in /proc/%d/root; absolute links there lead to files of the helper", process.PID)
	var shell []string
	if tty {
		shell = prompted("sh", r)
	}
	return execute(ctx, deps, r, opts, root.Beside(shell), t, tty)
}

// rootOf finds the process whose root to use.
func rootOf(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions) (process.Process, error) {
	where := r.Where(opts.root.number)
	where.Siblings = opts.root.number == 0
	if r.Copy {
		client, err := deps.Client()
		if err != nil {
			return process.Process{}, err
		}
		pod, err := client.CoreV1().Pods(r.Namespace).Get(ctx, r.Pod, metav1.GetOptions{})
		if err != nil {
			return process.Process{}, fmt.Errorf("get pod/%s: %w", r.Pod, err)
		}
		where.Container = target.Target{Pod: pod, Container: r.Target.Container}.ContainerID()
	}
	root, err := rootfs.Dial(ctx, r.Runner(), where)
	switch {
	case errors.Is(err, remote.ErrNoProcess) && opts.root.number > 0:
		return root.Process, session.NoProcess(r, opts.root.number)
	case err != nil:
		return root.Process, fmt.Errorf("find the root of container %s in pod/%s: %w", r.Target.Container, r.Pod, err)
	}
	return root.Process, root.Close()
}
