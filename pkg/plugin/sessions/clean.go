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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
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
		Short: "End what this tool left running: helpers, copies and patches",
		Long: `End what this tool left running in a namespace: a helper's own process is ended, a copy is
deleted, a patched template is put back (its pods restart). Without --all only what you made yourself is ended, by the name that the cluster
knows you by.

Use it when you are done and don't want to wait until the helpers end by themselves, and after a
session that was killed.

POD names a pod, whose helpers and copies are meant, or a copy; pod/POD/CONTAINER, as
"sessions -o name" prints it, names one helper, and deploy/NAME, sts/NAME or ds/NAME a
patched workload.

A helper in which a command runs is not ended without --force. Whether somebody still works
in a copy can't be told, so a copy is deleted in any case. On a terminal the list is shown
first, with a question; elsewhere, as with kubectl delete, there is none. Without a POD,
your own finished copies are deleted without a question: nothing runs in them. So are patches
undone whose --ttl is over, whoever made them.

An ended helper's entry stays in the pod's spec: Kubernetes has no way to remove it.`,
		Example: `  # yours, in this namespace
  kubectl shareproc clean

  # what would be ended in all namespaces, whoever made it
  kubectl shareproc clean -A --all --dry-run

  # one pod's helpers and copies
  kubectl shareproc clean nginx`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			if opts.timeout <= 0 {
				return cli.Usage(cmd.CommandPath()+" --help", "--timeout %s: not more than zero", opts.timeout)
			}
			return runClean(cmd.Context(), deps, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.allNamespaces, "all-namespaces", "A", false, "Look in every namespace")
	cmd.Flags().BoolVar(&opts.all, "all", false, "End what others made, too")
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Do not ask")
	cmd.Flags().BoolVar(&opts.force, "force", false, "End helpers in which a command runs, too, and the command with them")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "Print what would be ended, without ending it")
	cmd.Flags().DurationVar(&opts.timeout, "timeout", cli.DefaultTimeout, "How long to wait for the end of a helper")
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
		swept, sweeping = sweep(ctx, deps, o, scopes[0])
	}
	list, err := toEnd(ctx, deps, o, scopes, opts.all)
	if err != nil {
		return errors.Join(sweeping, err)
	}
	if len(list) == 0 && swept == 0 && sweeping == nil {
		deps.Report.Say("nothing to end in %s", places(scopes))
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
func end(ctx context.Context, deps *cli.Deps, o session.Manager, list []session.Entry, force bool) error {
	var printing error
	err := o.End(ctx, list, force, func(e session.Entry) { printing = errors.Join(printing, ended(deps, e, "")) })
	return errors.Join(printing, err)
}

func ended(deps *cli.Deps, e session.Entry, more string) error {
	what := " deleted"
	switch e.Kind {
	case session.KindHelper:
		what = " ended"
	case session.KindPatch:
		what = " put back"
	}
	_, err := fmt.Fprintln(deps.Streams.Out, e.String()+what+more)
	return err
}

func sweep(ctx context.Context, deps *cli.Deps, o session.Manager, in session.Scope) (int, error) {
	swept, err := o.Sweep(ctx, in.Namespace)
	for _, e := range swept {
		err = errors.Join(err, ended(deps, e, ""))
	}
	return len(swept), err
}

// toEnd finds what the command line means. Others' work that was not asked for is mentioned; where it is all that the
// words name, they can't be carried out.
func toEnd(ctx context.Context, deps *cli.Deps, o session.Manager, scopes []session.Scope, all bool) ([]session.Entry, error) {
	var list []session.Entry
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
	if all || len(list) == 0 {
		return session.WithoutNested(list), nil
	}
	mine, others, err := o.Mine(ctx, list)
	switch {
	case err != nil:
		return nil, err
	case len(mine) == 0 && scopes[0].Pod != "":
		e := others[0]
		whose := "nobody knows who made it"
		if e.By != "" {
			whose = e.By + " made it"
		}
		return nil, hint.With(fmt.Errorf("end %s: it is not yours: %s", e, whose), "--all, to end what others made")
	case len(others) > 0:
		deps.Report.Say("%d that you did not make are left alone (kubectl shareproc sessions lists them); --all ends them too", len(others))
	}
	return session.WithoutNested(mine), nil
}

func places(scopes []session.Scope) string {
	names := make([]string, len(scopes))
	for i, in := range scopes {
		names[i] = place(in)
	}
	return strings.Join(names, ", nor in ")
}

func wouldEnd(ctx context.Context, deps *cli.Deps, o session.Manager, list []session.Entry, force bool) error {
	o.LookAt(ctx, list)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, e := range list {
		if e.State == session.StateInUse && !force {
			deps.Report.Say("%s would be left: a command runs in it; --force ends it too", e)
			continue
		}
		if err := ended(deps, e, " (dry run)"); err != nil {
			return err
		}
	}
	return nil
}

// confirm shows what would be ended and asks. Whoever is asked must see the question, with -q too; an interrupt need not
// wait for the answer.
func confirm(ctx context.Context, deps *cli.Deps, list []session.Entry, namespaces bool) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err := sessionTable(deps, deps.Streams.ErrOut, list, namespaces, false, true); err != nil {
		return false, err
	}
	return cli.AskYes(ctx, deps, fmt.Sprintf("end these %d? [y/N] ", len(list)), "nothing was ended")
}
