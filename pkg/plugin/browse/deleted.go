// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// deletedDir is where the files are shown that have no name any more and that a process has open. No directory has that name.
const deletedDir = "/\x00deleted"

// shownDir is a directory, fit for a terminal.
func shownDir(dir string) string {
	if dir == deletedDir {
		return "deleted files that are open"
	}
	return remote.Escape(dir)
}

// deleted lists those files, each once. A name is the PID and the descriptor by which it is reached, and the one that it had.
func (p *pod) deleted(ctx context.Context) (listing, error) {
	l := listing{path: deletedDir}
	host := remote.On(p.root.Conn())
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
	readings, err := host.Inspect(ctx, pids, remote.Descriptors)
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
			it := named(fmt.Sprintf("%d.%d.%s", pid, d.FD, path.Base(strings.TrimSuffix(d.Link, " (deleted)"))))
			it.mode, it.perm, it.size, it.blocks, it.time = s.FileMode(), s.Mode, s.Size, s.Blocks, s.Mtime
			it.user, it.group = files.Owner(s.User, s.UID), files.Owner(s.Group, s.GID)
			it.real, it.gone = fmt.Sprintf("/proc/%d/fd/%d", pid, d.FD), d.Link
			l.items = append(l.items, it)
		}
	}
	return l, nil
}
