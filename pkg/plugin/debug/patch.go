// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// patchFlags are those of debug --patch alone.
type patchFlags struct {
	patch, yes, leave, force bool
}

func (p *patchFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&p.patch, "patch", false, "Debug a pod of the workload with a patched template: its pods restart, and again at the end, when it is put back")
	flags.BoolVarP(&p.yes, "yes", "y", false, "With --patch: do not ask")
	flags.BoolVar(&p.leave, "keep-patched", false, "With --patch: leave the template patched at the end; clean restores it")
	flags.BoolVar(&p.force, "override-manager", false, "With --patch: also patch workloads managed by Helm, Argo CD, Flux or an operator")
}

func (p *patchFlags) validate(cmd *cobra.Command, o *debugOptions) error {
	for _, name := range []string{"yes", "keep-patched", "override-manager"} {
		if cmd.Flags().Changed(name) && !p.patch {
			return cli.Usage("--patch", "--%s without --patch", name)
		}
	}
	switch {
	case !p.patch:
		return nil
	case o.copy:
		return cli.Usage("one of both", "--copy with --patch: two ways")
	case o.Selector != "":
		return cli.Usage("deploy/NAME, sts/NAME or ds/NAME", "-l with --patch: a template is patched by the name of its workload")
	}
	return nil
}

// debugPatch is runDebug in a pod of a patched workload.
func debugPatch(ctx context.Context, deps *cli.Deps, opts *debugOptions, t *attach.Terminal, tty bool) (err error) {
	asking := t.InputIsTerminal() && !opts.yes
	if !t.InputIsTerminal() && !opts.yes && opts.dryRun == "none" {
		return cli.Usage("--yes", "--patch without a terminal to ask on: its pods restart")
	}
	o, plan, err := planPatch(ctx, deps, opts)
	if err != nil {
		return err
	}
	if opts.dryRun != "none" {
		ops, err := o.PatchOps(ctx, plan, opts.dryRun == "server")
		if err != nil {
			return err
		}
		deps.Report.Say("would be sent as a JSON patch of the workload")
		return output.PrintObject(deps.Streams.Out, opts.output, ops)
	}
	if yes, err := agreed(ctx, deps, plan.Warnings, asking); err != nil || !yes {
		return err
	}
	r := &cli.Session{Opener: o}
	o.Look = cli.Looker(deps, o, target.Target{Pod: &corev1.Pod{}}) // which of the pods it is, is not known yet
	defer r.Close(ctx, &err)
	if r.Session, r.Target, err = o.OpenPatch(ctx, plan); err != nil {
		return err
	}
	if r.Wire, err = deps.Exec(r.Session); err != nil {
		return err
	}
	err = debug(ctx, deps, r, opts, t, tty)
	if ctx.Err() == nil && cli.StreamFailed(err) {
		err = errors.Join(o.Ended(ctx, r.Session), err)
	}
	return err
}

// agreed tells what a patch would do and, where there is somebody to ask, asks. Whoever is asked must see what for, with -q too.
func agreed(ctx context.Context, deps *cli.Deps, warnings []string, asking bool) (bool, error) {
	tell := deps.Report.Say
	if asking {
		tell = deps.Report.Warn
	}
	for _, line := range warnings {
		tell("%s", line)
	}
	if !asking {
		return true, nil
	}
	return cli.AskYes(ctx, deps, "patch it? [y/N] ", "nothing was changed")
}

func planPatch(ctx context.Context, deps *cli.Deps, opts *debugOptions) (*session.Opener, session.PatchPlan, error) {
	o, err := cli.NewOpener(deps, &opts.HelperFlags, opts.ttl)
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	ns, err := cli.Namespace(deps)
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	ref := target.Ref{Arg: opts.pod, Container: opts.Container}
	if err := ref.Validate(); err != nil {
		return nil, session.PatchPlan{}, cli.AsUsage(err)
	}
	w, err := target.ResolveWorkload(ctx, o.Client, ns, ref)
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	plan, err := o.PlanPatch(ctx, session.PatchWanted{
		Workload: w, Namespace: ns, Container: opts.Container, Need: opts.root.need(), Override: opts.Override, Force: opts.force, Leave: opts.leave,
	})
	return o, plan, err
}
