// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// known is the pane of a spot that was opened, which keeps its place when it leaves the screen.
func (m *model) known(o opened) *pane {
	p := newSpotPane(o)
	m.keep(o.spot, p)
	return p
}

// keep has a spot, and its pod, be where a pane is.
func (m *model) keep(at spot, p *pane) {
	m.visited[at], m.visited[spot{namespace: at.namespace, pod: at.pod}] = p, p
}

// desk goes to this machine's files, which are on the right.
func (m mover) desk() tea.Cmd {
	if m.desktop == nil || m.panes[1] == m.desktop {
		m.both, m.focus = true, 1
		return finder(m).show(m.panes[1])
	}
	m.focus, m.both = 1, true
	return m.put(m.panes[1], m.desktop)
}

// put has a pane take the place of another one, and looks at it again.
func (m mover) put(from, to *pane) tea.Cmd {
	for i, p := range m.panes {
		if p == from {
			m.panes[i] = to
		}
	}
	if !to.local() {
		m.keep(to.spot, to)
	}
	m.status, m.alarm, m.lost = "", false, false
	m.side.rows = nil
	if !m.side.open {
		return finder(m).show(to)
	}
	return tea.Batch(finder(m).show(to), m.ask(false))
}

// arrive shows a spot that was opened.
func (m mover) arrive(a arrived) tea.Cmd {
	if !a.renew {
		m.side.cancel = nil
	}
	switch {
	case a.err != nil && a.renew:
		m.alarmed(a.err)
		m.status, m.lost = m.status+"; trying again", true
		return m.later(pause, retry{pane: a.from, renew: true})
	case errors.Is(a.err, context.Canceled):
		m.say("not opened")
		return nil
	case a.err != nil:
		m.alarmed(a.err)
		return nil
	case a.renew:
		p, o := a.from, a.opened
		p.place, p.spot, p.title, p.containers, p.learned, p.replica = o.place, o.spot, o.title, o.containers, false, nil
		clear(p.kept)
		m.lost, m.preview = false, preview{}
		m.say("%s is another one by now: its container has started again", o.title)
		return finder(m).list(p, p.dir)
	}
	p := m.visited[a.opened.spot]
	if p == nil || p == m.panes[0] || p == m.panes[1] {
		p = m.known(a.opened)
		if a.asked.pid == 0 {
			p.dir = a.dir
		}
	}
	return m.put(a.from, p)
}

// renew opens a pane's spot again, whose container or process has ended. A process that is not there any more is the container's first.
func (m mover) renew(p *pane) tea.Cmd {
	if p.local() || p != m.panes[0] && p != m.panes[1] {
		return nil
	}
	at := p.spot
	at.pid = 0
	return func() tea.Msg {
		o, err := m.does.open(m.ctx, at)
		if err != nil {
			err = fmt.Errorf("open pod/%s again: %w", remote.Escape(at.pod), err)
		}
		return arrived{from: p, asked: at, renew: true, opened: o, err: err}
	}
}
