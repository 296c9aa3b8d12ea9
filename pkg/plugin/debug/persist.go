// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// persistFlags are those of debug for a shell that outlives the connection.
type persistFlags struct {
	persist bool
	cli.DetachFlag
}

func (p *persistFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.persist, "persist", false, "Make the shell the helper's own process, which runs on without a connection; attach comes back to it. Its screen is kept in the helper's log")
	p.Add(cmd.Flags(), "With --persist: ")
	cmd.Long += `

With --persist the shell is the helper's own process, which runs on without a connection:
detach keys leave it, and "kubectl shareproc attach POD" comes back. Its screen is kept in
the helper's log. Where you may attach and not exec, a shell is opened so without the flag.`
}

func (p *persistFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	if err := p.Parse(); err != nil || !p.persist {
		return err
	}
	switch {
	case len(of.command) > 0:
		return cli.Usage(cmd.CommandPath()+" "+of.pod+" --persist", "--persist with a command: it keeps a shell, in which commands are typed")
	case of.copy:
		return cli.Usage("one of both", "--persist, --copy: a copy is deleted with its session")
	case of.patch:
		return cli.Usage("--patch --keep-patched", "--persist, --patch: the template is put back with its session")
	case of.root.root:
		return cli.Usage("one of both", "--persist, --root: the shell of --root is a command in a helper that waits")
	case of.ttySet && !of.tty, !of.stdin:
		return cli.Usage("without -t=false, -i=false", "--persist without a terminal: there is nothing to come back to")
	}
	return nil
}

// mustAttach tells whether a shell failed for no other reason than that the user may attach and not exec. r is the one of the
// session, if there was one.
func mustAttach(ctx context.Context, deps *cli.Deps, opts *debugOptions, r *cli.Session, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	o, failed := cli.NewOpener(deps, &opts.HelperFlags, opts.ttl)
	if failed != nil {
		return false
	}
	ns, failed := cli.Namespace(deps)
	return failed == nil && o.OnlyAttach(ctx, ns, r != nil, err)
}

// debugPersist starts a helper that keeps a shell, and attaches to it.
func debugPersist(ctx context.Context, deps *cli.Deps, opts *debugOptions, t *attach.Terminal) error {
	if !t.InputIsTerminal() {
		return cli.Usage("kubectl shareproc debug "+opts.pod+" -- COMMAND", "--persist: standard input is not a terminal")
	}
	o, err := cli.NewOpener(deps, &opts.HelperFlags, opts.ttl)
	if err != nil {
		return err
	}
	on, plan, err := cli.Plan(ctx, deps, o, opts.pod, &opts.HelperFlags, session.Wanted{Persist: true, Need: podspec.OpenEvery})
	if err != nil {
		return err
	}
	for _, name := range session.Shells(on.Pod) {
		deps.Report.Say("a shell runs in pod/%s already: %s goes back to it", on.Pod.Name, cli.WayBackTo(session.Session{Namespace: on.Pod.Namespace, Pod: on.Pod.Name, Container: name}))
	}
	cli.Logged(deps, "of the helper")
	s, err := o.Open(ctx, on, plan)
	if err != nil {
		if s.New {
			deps.Report.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, it %s", s.Pod, s.Container, s.ShellEnding())
		}
		return err
	}
	welcome(deps, &cli.Session{Target: on, Session: s}, true)
	return cli.Join(ctx, deps, o, s, t, opts.DetachFlag)
}
