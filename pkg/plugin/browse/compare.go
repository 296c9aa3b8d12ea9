// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"fmt"
	"path"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// compared is what a directory has on the other side, and whose it is.
type compared struct {
	pane      *pane
	dir, with string
	replica   *opened // where it was opened for this
	other     listing
	sums      [2]map[string][32]byte // by name, of both sides; nil where they were not asked for
	pods      bool                   // both are
	err       error
}

// mostSummed is how many bytes of a directory are summed up to be compared.
const mostSummed = 64 << 20

// compare marks what differs from the other side or, beside a preview, from another pod of the workload, which is opened for it.
func (m doer) compare() tea.Cmd {
	p, other := m.panes[0], m.panes[1]
	here, dir, there := p.place, p.dir, p.dir
	if dir == deletedDir {
		return nil
	}
	beside := m.both || !other.local()
	if other.local() {
		there = other.dir
	}
	m.say("comparing %s", shownDir(dir))
	return func() tea.Msg {
		c := compared{pane: p, dir: dir, pods: !beside || !other.local()}
		with := opened{place: other.place, title: other.title}
		switch {
		case beside:
		case p.replica != nil:
			with, there = *p.replica, dir
		default:
			if with, c.err = m.does.replica(m.ctx, p.spot); c.err != nil {
				return c
			}
			c.replica, there = &with, dir
		}
		c.with = with.title
		if c.other, c.err = with.list(m.ctx, there); c.err != nil {
			return c
		}
		for i, at := range []struct {
			place
			dir string
		}{{here, dir}, {with.place, there}} {
			if s, ok := at.place.(summer); ok {
				c.sums[i], _ = s.sums(m.ctx, at.dir, mostSummed) // what has none is compared by its facts
			}
		}
		return c
	}
}

// A summer is a place that sums up the files of a directory.
type summer interface {
	sums(ctx context.Context, dir string, limit int64) (map[string][32]byte, error)
}

// sums sums up the files of a directory, in the helper. Of one that has more bytes than the limit there are none.
func (p *pod) sums(ctx context.Context, dir string, limit int64) (map[string][32]byte, error) {
	l, err := p.list(ctx, dir)
	if err != nil || p.root.Kernel(l.path) {
		return nil, err
	}
	for _, it := range l.items {
		if it.mode.IsRegular() {
			limit -= it.size
		}
	}
	if limit < 0 {
		return nil, nil
	}
	found := map[string][32]byte{}
	options := remote.SumOptions{Recursive: true, TreeOptions: remote.TreeOptions{MaxDepth: 1, OneFileSystem: true}}
	_, err = p.root.Sum(ctx, dir, options, func(name string, sum [32]byte) error {
		found[path.Base(name)] = sum
		return nil
	})
	return found, err
}

// mark marks each item that is not there, or is another.
func (c compared) mark(m doer) {
	p := c.pane
	if c.replica != nil {
		p.replica = c.replica
	}
	if c.err != nil {
		m.alarmed(fmt.Errorf("compare %s: %w", shownDir(c.dir), c.err))
		return
	}
	if c.dir != p.dir {
		return
	}
	there := map[string]item{}
	for _, it := range c.other.items {
		there[it.name] = it
	}
	p.differs = map[string]string{}
	for _, it := range p.all.items {
		other, ok := there[it.name]
		delete(there, it.name)
		if !ok {
			p.differs[it.name] = "only here"
		} else if how := c.how(it, other); how != "" {
			p.differs[it.name] = how
		}
	}
	m.say("%s: %s marked, %d more there; d shows how one differs", c.with, output.Plural(len(p.differs), "entry", "entries"), len(there))
}

// how says in what two items of a name differ; "" for nothing that is known.
func (c compared) how(a, b item) string {
	sum, here := c.sums[0][a.name]
	other, there := c.sums[1][b.name]
	switch {
	case a.mode.Type() != b.mode.Type():
		return "another type"
	case a.mode.IsRegular() && a.size != b.size:
		return "another size"
	case a.target != b.target:
		return "another link"
	case here && there && sum != other:
		return "other contents"
	case c.pods && a.perm != b.perm:
		return "another mode"
	case c.pods && (a.user != b.user || a.group != b.group):
		return "another owner"
	}
	return ""
}
