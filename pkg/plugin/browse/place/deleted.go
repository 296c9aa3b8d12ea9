// SPDX-License-Identifier: Apache-2.0

package place

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Deleted is where the files are shown that have no name any more and that a process has open. No directory has that name.
const Deleted = "/\x00deleted"

// Shown is a directory, fit for a terminal.
func Shown(dir string) string {
	if dir == Deleted {
		return "deleted files that are open"
	}
	return remote.Escape(dir)
}

// deleted lists those files, each once. A name is the PID and the descriptor by which it is reached, and the one that it had.
func (p *Pod) deleted(ctx context.Context) (Listing, error) {
	l := Listing{Path: Deleted}
	host := process.On(p.Root.Conn())
	running, err := p.running(ctx)
	if err != nil {
		return l, err
	}
	var pids []int
	for _, q := range running {
		if !q.Helper && q.Container == p.Target.Container {
			pids = append(pids, q.PID)
		}
	}
	if len(pids) == 0 {
		return l, nil
	}
	readings, err := host.Inspect(ctx, pids, process.Descriptors)
	if err != nil {
		return l, err
	}
	seen := map[[2]uint64]bool{}
	for _, pid := range pids {
		open, _ := readings.Descriptors(pid)
		for _, d := range open {
			s := d.Stat
			if s == nil || s.Nlink > 0 || !s.FileMode().IsRegular() || seen[[2]uint64{s.Dev, s.Ino}] {
				continue
			}
			seen[[2]uint64{s.Dev, s.Ino}] = true
			it := newItem(fmt.Sprintf("%d.%d.%s", pid, d.FD, path.Base(strings.TrimSuffix(d.Link, " (deleted)"))), s)
			it.Real, it.Gone = fmt.Sprintf("/proc/%d/fd/%d", pid, d.FD), d.Link
			l.Items = append(l.Items, it)
		}
	}
	return l, nil
}
