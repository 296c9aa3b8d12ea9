// SPDX-License-Identifier: Apache-2.0

package remote

import "context"

// processes lists the processes of a directory like /proc over a connection of its own.
func processes(ctx context.Context, r Runner, proc string) ([]Process, error) {
	h := &Host{conn: &conn{runner: r, proc: proc, ctx: ctx}}
	defer func() { _ = h.Close() }()
	return h.Processes(ctx)
}
