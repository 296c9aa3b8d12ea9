// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Truncate makes a file empty that a process has open and that has no name any more: file is what its descriptor was seen to lead
// to. It is ErrChanged, and nothing is done, where the descriptor leads to something else by now or the file has a name;
// ErrNoProcess where the process has ended, and fs.ErrPermission where the helper may not write to it.
func (h *Host) Truncate(ctx context.Context, p Process, fd int, file *remote.Stat) (before, after *remote.Stat, err error) {
	q := remote.Request{Verb: "truncate", Args: []string{
		h.conn.Proc, strconv.Itoa(p.PID), strconv.FormatUint(p.StartTicks, 10), strconv.Itoa(fd), fmt.Sprintf("%d:%d", file.Dev, file.Ino),
	}}
	var texts [2]string
	err = h.conn.Ask(ctx, q, func(b *remote.Answer) error { return b.Fields(&texts[0], &texts[1]) })
	if err == nil {
		if before, err = remote.ParseStat(texts[0]); err == nil {
			after, err = remote.ParseStat(strings.TrimSuffix(texts[1], "\n"))
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("truncate descriptor %d of process %d: %w", fd, p.PID, err)
	}
	return before, after, nil
}
