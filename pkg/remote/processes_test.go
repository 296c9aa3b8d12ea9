// SPDX-License-Identifier: Apache-2.0

package remote

import "context"

// processes lists the processes of a directory like /proc over a connection of its own.
func processes(ctx context.Context, r Runner, proc string) ([]Process, error) {
	c := Connect(ctx, r)
	c.Proc = proc
	defer func() { _ = c.Close() }()
	return On(c).Processes(ctx)
}
