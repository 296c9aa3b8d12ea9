// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// detachFlag says with which keys a shell is left.
type detachFlag struct {
	text string
	keys attach.Keys
}

func (d *detachFlag) add(flags *pflag.FlagSet, when string) {
	flags.StringVar(&d.text, "detach-keys", "ctrl-p,ctrl-q", when+"the keys that leave the shell running, as in docker; \"\" for none")
}

func (d *detachFlag) parse() (err error) {
	if d.keys, err = attach.ParseKeys(d.text); err != nil {
		return usage("--detach-keys ctrl-p,ctrl-q", "--detach-keys: %w", err)
	}
	return nil
}

// persistFlags are those of debug for a shell that outlives the connection.
type persistFlags struct {
	persist bool
	detachFlag
}

func (p *persistFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.persist, "persist", false, "Make the shell the helper's own process, which runs on without a connection; attach comes back to it. Its screen is kept in the helper's log")
	p.detachFlag.add(cmd.Flags(), "With --persist: ")
	cmd.Long += `

With --persist the shell is the helper's own process, which runs on without a connection:
detach keys leave it, and "kubectl shareproc attach POD" comes back. Its screen is kept in
the helper's log. Where you may attach and not exec, a shell is opened so without the flag.`
}

func (p *persistFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	if err := p.parse(); err != nil || !p.persist {
		return err
	}
	switch {
	case len(of.command) > 0:
		return usage(cmd.CommandPath()+" "+of.pod+" --persist", "--persist with a command: it keeps a shell, in which commands are typed")
	case of.copy:
		return usage("one of both", "--persist, --copy: a copy is deleted with its session")
	case of.patch:
		return usage("--patch --leave", "--persist, --patch: the template is put back with its session")
	case of.root.root:
		return usage("one of both", "--persist, --root: the shell of --root is a command in a helper that waits")
	case of.ttySet && !of.tty, !of.stdin:
		return usage("without -t=false, -i=false", "--persist without a terminal: there is nothing to come back to")
	}
	return nil
}

// mustAttach tells whether a shell failed for no other reason than that the user may attach and not exec. r is the room of the
// session, if there was one.
func (f *Factory) mustAttach(ctx context.Context, opts *debugOptions, r *room, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	o, failed := f.opener(&opts.helperFlags, opts.ttl)
	if failed != nil {
		return false
	}
	ns, failed := f.namespace()
	return failed == nil && o.OnlyAttach(ctx, ns, r != nil, err)
}

// debugPersist starts a helper that keeps a shell, and attaches to it.
func (f *Factory) debugPersist(ctx context.Context, opts *debugOptions, t *attach.Terminal) error {
	if !t.InputIsTerminal() {
		return usage("kubectl shareproc debug "+opts.pod+" -- COMMAND", "--persist: standard input is not a terminal")
	}
	o, err := f.opener(&opts.helperFlags, opts.ttl)
	if err != nil {
		return err
	}
	on, plan, err := f.plan(ctx, o, opts.pod, &opts.helperFlags, session.Wanted{Persist: true, Need: podspec.OpenEvery})
	if err != nil {
		return err
	}
	for _, name := range session.Shells(on.Pod) {
		f.Report.Say("a shell runs in pod/%s already: %s goes back to it", on.Pod.Name, wayBackTo(session.Session{Namespace: on.Pod.Namespace, Pod: on.Pod.Name, Container: name}))
	}
	f.logged("of the helper")
	s, err := o.Open(ctx, on, plan)
	if err != nil {
		if s.New {
			f.Report.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, it %s", s.Pod, s.Container, s.ShellEnding())
		}
		return err
	}
	f.welcome(&room{target: on, session: s}, true)
	return f.join(ctx, o, s, t, opts.detachFlag)
}

// logged says who else can read what is about to be typed.
func (f *Factory) logged(of string) {
	f.Report.Say("what this shell shows, and so what is typed into it, is kept in the log %s (kubectl logs), as of every attach session", of)
}

// join attaches to a shell, and says on every way out of it how to come back, or how it ended.
func (f *Factory) join(ctx context.Context, o *session.Opener, s session.Session, t *attach.Terminal, detach detachFlag) error {
	wire, err := f.Exec(s)
	if err != nil {
		return err
	}
	if len(detach.keys) > 0 {
		f.Report.Say("%s leaves the shell running", detach.text)
	}
	guarded, stop := o.Guard(ctx, s)
	err = wire.Attach(guarded, t, detach.keys)
	stop()
	switch {
	case errors.Is(err, attach.ErrDetached):
		f.Report.Warn("detached: container %s of pod/%s runs on; it %s", s.Container, s.Pod, s.ShellEnding())
		f.Report.Warn("to come back: %s", wayBackTo(s))
		return nil
	case ctx.Err() != nil:
		f.Report.Warn("left in pod/%s: container %s; it %s", s.Pod, s.Container, s.ShellEnding())
		f.Report.Warn("to come back: %s", wayBackTo(s))
		return err
	}
	return f.afterwards(ctx, o, s, err)
}

// exitTime is how long the cluster may take to tell how a shell ended.
const exitTime = 12 * time.Second

// afterwards tells a shell that has ended from a connection that has.
func (f *Factory) afterwards(ctx context.Context, o *session.Opener, s session.Session, err error) error {
	if lacking := session.LackAttach(err, s.Namespace); hint.Of(lacking) != "" {
		return lacking
	}
	const killed = 137
	limit := f.exitTime
	if err != nil {
		limit /= 4 // the shell's end is the less likely reason
	}
	code, ended := o.ShellExit(ctx, s, limit)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case ended && code == 0:
		return nil
	case ended && (err == nil || code != killed):
		return remoteError{code: code}
	case ended:
		return err // by whatever ended the container
	case err == nil:
		err = fmt.Errorf("attach to %s/%s: %w", s.Pod, s.Container, attach.ErrLost)
	}
	if !errors.Is(err, attach.ErrLost) {
		return err
	}
	return hint.With(err, wayBackTo(s)+", once the network is back: the shell runs on, and "+s.ShellEnding())
}

func wayBackTo(s session.Session) string {
	return fmt.Sprintf("kubectl shareproc attach -n %s %s -c %s", s.Namespace, s.Pod, s.Container)
}
