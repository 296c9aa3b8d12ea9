// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
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
	flags.BoolVar(&p.leave, "leave", false, "With --patch: leave the template patched at the end; clean puts it back")
	flags.BoolVar(&p.force, "force-conflicts", false, "With --patch: patch what Helm, Argo CD, an operator or the like keeps, too")
}

func (p *patchFlags) validate(cmd *cobra.Command, o *debugOptions) error {
	for _, name := range []string{"yes", "leave", "force-conflicts"} {
		if cmd.Flags().Changed(name) && !p.patch {
			return usage("--patch", "--%s without --patch", name)
		}
	}
	switch {
	case !p.patch:
		return nil
	case o.copy:
		return usage("one of both", "--copy with --patch: two ways")
	case o.selector != "":
		return usage("deploy/NAME, sts/NAME or ds/NAME", "-l with --patch: a template is patched by the name of its workload")
	}
	return nil
}

// debugPatch is runDebug in a pod of a patched workload.
func (f *Factory) debugPatch(ctx context.Context, opts *debugOptions, t *attach.Terminal, tty bool) (err error) {
	asking := t.InputIsTerminal() && !opts.yes
	if !t.InputIsTerminal() && !opts.yes && opts.dryRun == "none" {
		return usage("--yes", "--patch without a terminal to ask on: its pods restart")
	}
	o, plan, err := f.planPatch(ctx, opts)
	if err != nil {
		return err
	}
	if opts.dryRun != "none" {
		ops, err := o.PatchOps(ctx, plan, opts.dryRun == "server")
		if err != nil {
			return err
		}
		f.Report.Say("would be sent as a JSON patch of the workload")
		return printObject(f.Streams.Out, opts.output, ops)
	}
	if yes, err := f.agreed(ctx, plan.Warnings, asking); err != nil || !yes {
		return err
	}
	r := &room{opener: o}
	o.Look = f.looker(o, target.Target{Pod: &corev1.Pod{}}) // which of the pods it is, is not known yet
	defer r.close(ctx, &err)
	if r.session, r.target, err = o.OpenPatch(ctx, plan); err != nil {
		return err
	}
	if r.wire, err = f.Exec(r.session); err != nil {
		return err
	}
	err = f.debug(ctx, r, opts, t, tty)
	if ctx.Err() == nil && streamFailed(err) {
		err = errors.Join(o.Ended(ctx, r.session), err)
	}
	return err
}

// agreed tells what a patch would do and, where there is somebody to ask, asks. Whoever is asked must see what for, with -q too.
func (f *Factory) agreed(ctx context.Context, warnings []string, asking bool) (bool, error) {
	tell := f.Report.Say
	if asking {
		tell = f.Report.Warn
	}
	for _, line := range warnings {
		tell("%s", line)
	}
	if !asking {
		return true, nil
	}
	return f.askYes(ctx, "patch it? [y/N] ", "nothing was changed")
}

func (f *Factory) planPatch(ctx context.Context, opts *debugOptions) (*session.Opener, session.PatchPlan, error) {
	o, err := f.opener(&opts.helperFlags, opts.ttl)
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	ns, err := f.namespace()
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	ref := target.Ref{Arg: opts.pod, Container: opts.container}
	if err := ref.Validate(); err != nil {
		return nil, session.PatchPlan{}, asUsage(err)
	}
	w, err := target.ResolveWorkload(ctx, o.Client, ns, ref)
	if err != nil {
		return nil, session.PatchPlan{}, err
	}
	plan, err := o.PlanPatch(ctx, session.PatchWanted{
		Workload: w, Namespace: ns, Container: opts.container, Need: opts.root.need(), Override: opts.override, Force: opts.force, Leave: opts.leave,
	})
	return o, plan, err
}
