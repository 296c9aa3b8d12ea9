// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// NewKeeper returns an opener that opens nothing: it finds and ends what was opened.
func NewKeeper(deps *Deps, timeout time.Duration) (*session.Opener, error) {
	client, err := deps.Client()
	if err != nil {
		return nil, err
	}
	return &session.Opener{Client: client, Options: session.Options{
		Timeout: timeout,
		Say:     deps.Report.Say,
		Ask: func(ctx context.Context, s session.Session, argv []string, stdout io.Writer) error {
			wire, err := deps.Exec(s)
			if err != nil {
				return err
			}
			return wire.Run(ctx, argv, nil, stdout, io.Discard)
		},
	}}, nil
}
