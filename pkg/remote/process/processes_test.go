// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// processes lists the processes of a directory like /proc over a connection of its own.
func processes(ctx context.Context, r remote.Runner, proc string) ([]Process, error) {
	c := remote.Connect(ctx, r)
	c.Proc = proc
	defer func() { _ = c.Close() }()
	return On(c).Processes(ctx)
}
