// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// patchFlags are those of debug --patch alone.
type patchFlags struct {
	patch, yes, leave, force bool
}

func (p *patchFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&p.patch, "patch", false, "Debug a pod of the workload with a patched template; its pods restart, and again when the template is restored")
	flags.BoolVarP(&p.yes, "yes", "y", false, "With --patch: skip the confirmation")
	flags.BoolVar(&p.leave, "keep-patched", false, "With --patch: leave the template patched at the end; clean restores it")
	flags.BoolVar(&p.force, "override-manager", false, "With --patch: also patch workloads managed by Helm, Argo CD, Flux or an operator")
	cli.Group(flags, cli.GroupPatch, "patch")
	cli.GroupRare(flags, cli.GroupPatch, "yes", "keep-patched", "override-manager")
}

func (p *patchFlags) validate(cmd *cobra.Command, o *debugOptions) error {
	for _, name := range []string{"yes", "keep-patched", "override-manager"} {
		if cmd.Flags().Changed(name) && !p.patch {
			return cli.Usage("add --patch", "--%s requires --patch", name)
		}
	}
	switch {
	case !p.patch:
		return nil
	case o.copy:
		return cli.Usage("use --copy or --patch", "--copy and --patch are mutually exclusive")
	case o.Selector != "":
		return cli.Usage("name the workload: deploy/NAME, sts/NAME or ds/NAME", "-l and --patch are mutually exclusive: a template is patched by the name of its workload")
	}
	return nil
}

// debugPatch is runDebug in a pod of a patched workload.
func debugPatch(ctx context.Context, deps *cli.Deps, opts *debugOptions, t *attach.Terminal, tty bool) (err error) {
	asking := t.InputIsTerminal() && !opts.yes
	if !t.InputIsTerminal() && !opts.yes && opts.dryRun == "none" {
		return cli.Usage("add --yes", "--patch requires --yes without a terminal: its pods restart")
	}
	d, plan, err := planPatch(ctx, deps, opts)
	if err != nil {
		return err
	}
	if opts.dryRun != "none" {
		ops, err := plan.Ops(ctx, d.Cluster, opts.dryRun == "server")
		if err != nil {
			return err
		}
		deps.Report.Say("would be sent as a JSON patch of the workload")
		return output.PrintObject(deps.Streams.Out, opts.output, ops)
	}
	if yes, err := agreed(ctx, deps, plan.Warnings, asking); err != nil || !yes {
		return err
	}
	s, err := session.OpenPatch(ctx, d, plan)
	if err != nil {
		return err
	}
	defer s.CloseInto(ctx, &err)
	return debug(ctx, deps, s, opts, t, tty)
}

func agreed(ctx context.Context, deps *cli.Deps, warnings []string, asking bool) (bool, error) {
	say := deps.Report.Say
	if asking {
		say = deps.Report.Warn
	}
	for _, line := range warnings {
		say("%s", line)
	}
	if !asking {
		return true, nil
	}
	return cli.AskYes(ctx, deps, "Continue? [y/N] ", "canceled")
}

func planPatch(ctx context.Context, deps *cli.Deps, opts *debugOptions) (session.Deps, patch.Plan, error) {
	d, err := cli.SessionDeps(deps, &opts.HelperFlags, opts.ttl)
	if err != nil {
		return d, patch.Plan{}, err
	}
	ns, err := cli.Namespace(deps)
	if err != nil {
		return d, patch.Plan{}, err
	}
	ref := target.Ref{Arg: opts.pod, Container: opts.Container}
	if err := ref.Validate(); err != nil {
		return d, patch.Plan{}, cli.AsUsage(err)
	}
	w, err := target.ResolveWorkload(ctx, d.Client, ns, ref)
	if err != nil {
		return d, patch.Plan{}, err
	}
	plan, err := patch.NewPlan(ctx, d.Cluster, patch.Request{
		Workload: w, Namespace: ns, Container: opts.Container, Access: opts.root.access(), Override: opts.Override, Force: opts.force, KeepPatched: opts.leave,
	})
	return d, plan, err
}
