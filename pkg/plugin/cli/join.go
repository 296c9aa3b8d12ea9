// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// DetachFlag says with which keys a shell is left.
type DetachFlag struct {
	text string
	keys attach.Keys
}

// Add adds --detach-keys; when stands before its description.
func (d *DetachFlag) Add(flags *pflag.FlagSet, when string) {
	flags.StringVar(&d.text, "detach-keys", "ctrl-p,ctrl-q", when+"the keys that leave the shell running, as in docker; \"\" for none")
}

// Parse reads the keys.
func (d *DetachFlag) Parse() (err error) {
	if d.keys, err = attach.ParseKeys(d.text); err != nil {
		return Usage("--detach-keys ctrl-p,ctrl-q", "--detach-keys: %w", err)
	}
	return nil
}

// Logged says who else can read what is about to be typed.
func Logged(deps *Deps, of string) {
	deps.Report.Say("what this shell shows, and so what is typed into it, is kept in the log %s (kubectl logs), as of every attach session", of)
}

// Join attaches to a shell, and says on every way out of it how to come back, or how it ended.
func Join(ctx context.Context, deps *Deps, o *session.Opener, s session.Session, t *attach.Terminal, detach DetachFlag) error {
	wire, err := deps.Exec(s)
	if err != nil {
		return err
	}
	if len(detach.keys) > 0 {
		deps.Report.Say("%s leaves the shell running", detach.text)
	}
	guarded, stop := o.Guard(ctx, s)
	err = wire.Attach(guarded, t, detach.keys)
	stop()
	switch {
	case errors.Is(err, attach.ErrDetached):
		deps.Report.Warn("detached: container %s of pod/%s runs on; it %s", s.Container, s.Pod, s.ShellEnding())
		deps.Report.Warn("to come back: %s", WayBackTo(s))
		return nil
	case ctx.Err() != nil:
		deps.Report.Warn("left in pod/%s: container %s; it %s", s.Pod, s.Container, s.ShellEnding())
		deps.Report.Warn("to come back: %s", WayBackTo(s))
		return err
	}
	return afterwards(ctx, deps, o, s, err)
}

// exitTime is how long the cluster may take to tell how a shell ended.
const exitTime = 12 * time.Second

// afterwards tells a shell that has ended from a connection that has.
func afterwards(ctx context.Context, deps *Deps, o *session.Opener, s session.Session, err error) error {
	if lacking := session.LackAttach(err, s.Namespace); hint.Of(lacking) != "" {
		return lacking
	}
	const killed = 137
	limit := deps.ExitTime
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
		return CommandExit{Code: code}
	case ended:
		return err // by whatever ended the container
	case err == nil:
		err = fmt.Errorf("attach to %s/%s: %w", s.Pod, s.Container, attach.ErrLost)
	}
	if !errors.Is(err, attach.ErrLost) {
		return err
	}
	return hint.With(err, WayBackTo(s)+", once the network is back: the shell runs on, and "+s.ShellEnding())
}

// WayBackTo is the command that attaches to a shell again.
func WayBackTo(s session.Session) string {
	return fmt.Sprintf("kubectl shareproc attach -n %s %s -c %s", s.Namespace, s.Pod, s.Container)
}
