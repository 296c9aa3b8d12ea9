// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// DetachFlag says with which keys a shell is left.
type DetachFlag struct {
	text string
	keys attach.Keys
}

// Add adds --detach-keys; when stands before its description.
func (d *DetachFlag) Add(flags *pflag.FlagSet, when string) {
	flags.StringVar(&d.text, "detach-keys", "ctrl-p,ctrl-q", when+"Keys that detach from the shell and leave it running, as in docker; \"\" for none")
}

// Parse reads the keys.
func (d *DetachFlag) Parse() (err error) {
	if d.keys, err = attach.ParseKeys(d.text); err != nil {
		return Usage("--detach-keys ctrl-p,ctrl-q", "--detach-keys: %w", err)
	}
	return nil
}

// Join attaches to a shell.
func Join(ctx context.Context, deps *Deps, s *session.Session, t *attach.Terminal, detach DetachFlag) error {
	if len(detach.keys) > 0 {
		deps.Report.Say("detach with %s", detach.text)
	}
	return OwnExit(s.Attach(ctx, t, detach.keys))
}

// OwnExit marks the command's own exit code as such.
func OwnExit(err error) error {
	if exit, ok := errors.AsType[*attach.ExitError](err); ok {
		return CommandExit{Code: exit.Code}
	}
	return err
}
