// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// An opening may be canceled: what comes of it is not shown then, even if it was there already.
type opening struct{ cancel context.CancelFunc }

// arrived is a spot that was opened.
type arrived struct {
	from   *pane // that was opened again; nil for a spot that takes the place of the pane at number
	number int
	by     *opening
	asked  place.Spot
	dir    string
	opened place.Opened
	err    error
}

// known is the pane of a spot that was opened, which keeps its place when it leaves the screen.
func (m *model) known(o place.Opened) *pane {
	p := newSpotPane(o)
	m.keep(o.Spot, p)
	return p
}

// keep has a spot, and its pod, be where a pane is.
func (m *model) keep(at place.Spot, p *pane) {
	m.visited[at], m.visited[place.Spot{Namespace: at.Namespace, Pod: at.Pod}] = p, p
}

// visit goes to a spot: at once where it was opened before, and to the same directory where it is a pod's.
func (m opener) visit(at place.Spot) tea.Cmd {
	m.side.Focused = false
	if m.opening != nil {
		m.opening.cancel()
		m.opening = nil
	}
	p := m.pane()
	if at.Local() {
		return m.desk()
	}
	if at == p.Spot {
		return nil
	}
	if kept := m.visited[at]; kept != nil && kept != m.panes[1-m.focus] {
		return mover(m).put(m.focus, kept)
	}
	ctx, cancel := context.WithCancel(m.ctx)
	by, number, dir := &opening{cancel}, m.focus, "/"
	m.opening = by
	if !p.Local() && p.Dir != place.Deleted {
		dir = p.Dir
	}
	m.say("opening pod/%s %s (esc cancels)", at.Pod, at.Container)
	return func() tea.Msg {
		o, err := m.does.open(ctx, at)
		if ctx.Err() != nil && m.ctx.Err() == nil {
			err = fmt.Errorf("canceled: %w", ctx.Err())
		}
		return arrived{number: number, by: by, asked: at, dir: dir, opened: o, err: err}
	}
}

// desk goes to this machine's files, which are on the right.
func (m opener) desk() tea.Cmd {
	if m.desktop == nil || m.panes[1] == m.desktop {
		m.both, m.focus = true, 1
		m.side.Choose("")
		m.side.Arrange(here(m.model))
		return finder(m).show(m.panes[1])
	}
	m.focus, m.both = 1, true
	return mover(m).put(1, m.desktop)
}

// put has a pane take the place of the one at a number, and looks at it again.
func (m mover) put(number int, to *pane) tea.Cmd {
	m.panes[number] = to
	if !to.Local() {
		m.keep(to.Spot, to)
	}
	m.status, m.alarm, m.lost, m.preview = "", false, nil, preview{}
	m.side.Choose("")
	if !m.side.Open {
		return finder(m).show(to)
	}
	return tea.Batch(finder(m).show(to), m.ask(false))
}

// arrive shows a spot that was opened.
func (m opener) arrive(a arrived) tea.Cmd {
	if a.from != nil {
		return m.renewed(a)
	}
	if a.by != m.opening {
		return nil // the user has gone elsewhere since
	}
	m.opening = nil
	switch {
	case errors.Is(a.err, context.Canceled):
		m.say("not opened")
		return nil
	case a.err != nil:
		m.alarmed(a.err)
		return nil
	}
	p := m.visited[a.opened.Spot]
	if p == nil || onScreen(m.model, p) {
		p = m.known(a.opened)
		if a.asked.PID == 0 {
			p.Dir = a.dir
		}
	}
	return mover(m).put(a.number, p)
}

// renew opens a pane's spot again, whose container or process has ended. A process that is not there any more is the container's first.
func (m opener) renew(p *pane) tea.Cmd {
	if p.Local() || p.renewing || !onScreen(m.model, p) {
		return nil
	}
	p.renewing = true
	at := p.Spot
	at.PID = 0
	return func() tea.Msg {
		o, err := m.does.open(m.ctx, at)
		if err != nil {
			err = fmt.Errorf("open pod/%s again: %w", remote.Escape(at.Pod), err)
		}
		return arrived{from: p, asked: at, opened: o, err: err}
	}
}

// renewed shows what was opened again where its pane was. That is another pane, so that answers of the old one come too late.
func (m opener) renewed(a arrived) tea.Cmd {
	a.from.renewing = false
	i := slices.Index(m.panes[:], a.from)
	switch {
	case i < 0:
		return nil
	case a.err != nil:
		m.alarmed(a.err)
		m.status, m.lost = m.status+"; trying again", a.from
		return m.later(pause, retry{pane: a.from, renew: true})
	}
	p, o := *a.from, a.opened
	p.place, p.Spot, p.title, p.containers, p.learned, p.replica = o.Place, o.Spot, o.Title, o.Containers, false, nil
	p.coming, p.stamping, p.Kept = "", false, map[string]place.Listing{}
	delete(m.visited, a.from.Spot)
	m.panes[i] = &p
	m.keep(p.Spot, &p)
	if m.table != nil && m.table.pane == a.from {
		m.table.pane, m.table.asking = &p, false
	}
	m.lost, m.preview = nil, preview{}
	m.say("%s is another one by now: its container has started again", p.title)
	return finder(m).list(&p, p.Dir)
}
