// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// compared is what a directory has on the other side, and whose it is.
type compared struct {
	pane      *pane
	dir, with string
	replica   *place.Opened // where it was opened for this
	other     place.Listing
	sums      [2]map[string][32]byte // by name, of both sides; nil where they were not asked for
	pods      bool                   // both are
	err       error
}

// mostSummed is how many bytes of a directory are summed up to be compared.
const mostSummed = 64 << 20

// compare marks what differs from the other side or, beside a preview, from another pod of the workload, which is opened for it.
func (m doer) compare() tea.Cmd {
	p, other := m.panes[0], m.panes[1]
	here, dir, there := p.place, p.Dir, p.Dir
	if dir == place.Deleted {
		return nil
	}
	beside := m.both || !other.Local()
	if other.Local() {
		there = other.Dir
	}
	m.say("comparing %s", place.Shown(dir))
	return func() tea.Msg {
		c := compared{pane: p, dir: dir, pods: !beside || !other.Local()}
		with := place.Opened{Place: other.place, Title: other.title}
		switch {
		case beside:
		case p.replica != nil:
			with, there = *p.replica, dir
		default:
			if with, c.err = m.does.replica(m.ctx, p.Spot); c.err != nil {
				return c
			}
			c.replica, there = &with, dir
		}
		c.with = with.Title
		if c.other, c.err = with.List(m.ctx, there); c.err != nil {
			return c
		}
		for i, at := range []struct {
			place.Place
			dir string
		}{{here, dir}, {with.Place, there}} {
			if s, ok := at.Place.(place.Summer); ok {
				c.sums[i], _ = s.Sums(m.ctx, at.dir, mostSummed) // what has none is compared by its facts
			}
		}
		return c
	}
}

// mark marks each item that is not there, or is another.
func (c compared) mark(m doer) {
	p := c.pane
	if c.replica != nil {
		p.replica = c.replica
	}
	if c.err != nil {
		m.alarmed(fmt.Errorf("compare %s: %w", place.Shown(c.dir), c.err))
		return
	}
	if c.dir != p.Dir {
		return
	}
	there := map[string]place.Item{}
	for _, it := range c.other.Items {
		there[it.Name] = it
	}
	p.Differs = map[string]string{}
	for _, it := range p.All.Items {
		other, ok := there[it.Name]
		delete(there, it.Name)
		if !ok {
			p.Differs[it.Name] = "only here"
		} else if how := c.how(it, other); how != "" {
			p.Differs[it.Name] = how
		}
	}
	m.say("%s: %s marked, %d more there; d shows how one differs", c.with, output.Plural(len(p.Differs), "entry", "entries"), len(there))
}

// how says in what two items of a name differ; "" for nothing that is known.
func (c compared) how(a, b place.Item) string {
	sum, here := c.sums[0][a.Name]
	other, there := c.sums[1][b.Name]
	switch {
	case a.Mode.Type() != b.Mode.Type():
		return "another type"
	case a.Mode.IsRegular() && a.Size != b.Size:
		return "another size"
	case a.Target != b.Target:
		return "another link"
	case here && there && sum != other:
		return "other contents"
	case c.pods && a.Perm != b.Perm:
		return "another mode"
	case c.pods && (a.User != b.User || a.Group != b.Group):
		return "another owner"
	}
	return ""
}
