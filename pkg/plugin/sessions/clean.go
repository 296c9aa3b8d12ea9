// SPDX-License-Identifier: Apache-2.0

package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
)

type cleanOptions struct {
	names         []string
	allNamespaces bool
	all           bool
	yes           bool
	force         bool
	dryRun        bool
	timeout       time.Duration
}

// NewCleanCommand returns the command clean.
func NewCleanCommand(deps *cli.Deps) *cobra.Command {
	opts := &cleanOptions{}
	cmd := &cobra.Command{
		Use:   "clean [POD[/CONTAINER]...]",
		Short: "Remove helpers, pod copies and patches left by this plugin",
		Long: `Remove what this plugin left in a namespace: a helper is stopped, a copy is
deleted, a patched template is restored (its pods restart). Only your own are
removed, matched by your Kubernetes username, unless --all is given.

Use it when you are done and do not want to wait until the helpers exit, and
after a session that was killed.

POD names a pod, with its helpers and copies, or a copy. pod/POD/CONTAINER, as
"sessions -o name" prints it, names one helper, and deploy/NAME, sts/NAME or
ds/NAME a patched workload.

A helper that is running a command is skipped without --force. Whether someone
is working in a copy is unknown, so a copy is always deleted. On a terminal the
list is shown first and you are asked; elsewhere, as with kubectl delete, you
are not. Without a POD, your own finished copies are deleted without a question,
since nothing runs in them. Patches whose --ttl is over are restored too, of all
users.

The entry of a stopped helper stays in the spec of the pod: Kubernetes cannot
remove ephemeral containers.`,
		Example: `  # remove yours in this namespace
  kubectl shareproc clean

  # list what would be removed in all namespaces, of all users
  kubectl shareproc clean -A --all --dry-run

  # remove the helpers and copies of one pod
  kubectl shareproc clean nginx`,
		Args: checkNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			if opts.timeout <= 0 {
				return cli.Usage(cmd.CommandPath()+" --help", "--timeout %s: must be greater than zero", opts.timeout)
			}
			return runClean(cmd.Context(), deps, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.allNamespaces, "all-namespaces", "A", false, "All namespaces")
	cmd.Flags().BoolVar(&opts.all, "all", false, "Include those of other users")
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Skip the confirmation")
	cmd.Flags().BoolVar(&opts.force, "force", false, "Also stop helpers that are running a command")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "Print what would be removed, without removing it")
	cmd.Flags().DurationVar(&opts.timeout, "timeout", cli.DefaultTimeout, "How long to wait for a helper to exit")
	return cmd
}

func runClean(ctx context.Context, deps *cli.Deps, opts *cleanOptions) error {
	scopes, err := scopes(deps, opts.names, opts.allNamespaces)
	if err != nil {
		return err
	}
	o, err := manager(deps, opts.timeout)
	if err != nil {
		return err
	}
	swept, sweeping := 0, error(nil)
	if len(opts.names) == 0 && !opts.dryRun {
		swept, sweeping = deleteExpired(ctx, deps, o, scopes[0])
	}
	list, err := toEnd(ctx, deps, o, scopes, opts.all)
	if err != nil {
		return errors.Join(sweeping, err)
	}
	if len(list) == 0 && swept == 0 && sweeping == nil {
		deps.Report.Say("nothing to remove in %s", places(scopes))
	}
	terminal := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut).InputIsTerminal()
	switch ask := terminal && !opts.yes; {
	case len(list) == 0:
		return sweeping
	case opts.dryRun:
		return wouldEnd(ctx, deps, o, list, opts.force)
	case ask:
		o.LookAt(ctx, list)
		if yes, err := confirm(ctx, deps, list, opts.allNamespaces); err != nil || !yes {
			return errors.Join(sweeping, err)
		}
	}
	return errors.Join(sweeping, end(ctx, deps, o, list, opts.force))
}

// end ends what is in the list, and says of each that it did.
func end(ctx context.Context, deps *cli.Deps, o inventory.Manager, list []inventory.Entry, force bool) error {
	var printing error
	err := o.End(ctx, list, force, func(e inventory.Entry) { printing = errors.Join(printing, ended(deps, e, "")) })
	return errors.Join(printing, err)
}

func ended(deps *cli.Deps, e inventory.Entry, more string) error {
	what := " deleted"
	switch e.Kind {
	case inventory.KindHelper:
		what = " stopped"
	case inventory.KindPatch:
		what = " restored"
	}
	_, err := fmt.Fprintln(deps.Streams.Out, e.String()+what+more)
	return err
}

func deleteExpired(ctx context.Context, deps *cli.Deps, o inventory.Manager, in inventory.Scope) (int, error) {
	swept, err := o.Sweep(ctx, in.Namespace)
	for _, e := range swept {
		err = errors.Join(err, ended(deps, e, ""))
	}
	return len(swept), err
}

// toEnd finds what the command line means. Others' work that was not asked for is mentioned; where it is all that the
// words name, they can't be carried out.
func toEnd(ctx context.Context, deps *cli.Deps, o inventory.Manager, scopes []inventory.Scope, all bool) ([]inventory.Entry, error) {
	var list []inventory.Entry
	for _, in := range scopes {
		found, err := o.List(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			// A copy and the pod it is of may both be named.
			if !slices.ContainsFunc(list, e.Same) {
				list = append(list, e)
			}
		}
	}
	if scopes[0].Container == "" {
		var never int
		list, never = inventory.Started(list)
		sayNever(deps, never)
	}
	if all || len(list) == 0 {
		return inventory.WithoutNested(list), nil
	}
	mine, others, err := o.Mine(ctx, list)
	switch {
	case err != nil:
		return nil, err
	case len(mine) == 0 && scopes[0].Pod != "":
		e := others[0]
		whose := "its creator is unknown"
		if e.By != "" {
			whose = "it was created by " + e.By
		}
		return nil, hint.With(fmt.Errorf("remove %s: it is not yours: %s", e, whose), "add --all to remove it")
	case len(others) > 0:
		deps.Report.Say("skipped %d of other users (see kubectl shareproc sessions); use --all to remove them", len(others))
	}
	return inventory.WithoutNested(mine), nil
}

func places(scopes []inventory.Scope) string {
	names := make([]string, len(scopes))
	for i, in := range scopes {
		names[i] = place(in)
	}
	return strings.Join(names, ", nor in ")
}

func wouldEnd(ctx context.Context, deps *cli.Deps, o inventory.Manager, list []inventory.Entry, force bool) error {
	o.LookAt(ctx, list)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, e := range list {
		if e.State == inventory.StateInUse && !force {
			deps.Report.Say("%s would be skipped: a command is running in it (use --force)", e)
			continue
		}
		if err := ended(deps, e, " (dry run)"); err != nil {
			return err
		}
	}
	return nil
}

// confirm lists what would be removed and asks. The question is shown with -q too; an interrupt does not wait for the answer.
func confirm(ctx context.Context, deps *cli.Deps, list []inventory.Entry, namespaces bool) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err := sessionTable(deps, deps.Streams.ErrOut, list, namespaces, false, true); err != nil {
		return false, err
	}
	return cli.AskYes(ctx, deps, fmt.Sprintf("Remove these %d? [y/N] ", len(list)), "canceled")
}
