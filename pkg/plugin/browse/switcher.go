// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// A switcher lists where else one can go: the pods of the namespace and, of the one that is on the screen, its containers and processes.
type switcher struct {
	open, focused bool
	pods          []pick.Row
	running       map[spot][]process // by container
	rows          []goal
	at, top       int
	filter        string
	asking        bool
	err           error
	opening       *opening // a spot; nil for none
}

// An opening may be canceled: what comes of it is not shown then, even if it was there already.
type opening struct{ cancel context.CancelFunc }

// A goal is a row of the switcher.
type goal struct {
	spot
	depth      int
	text, note string
	style      output.Style
}

// What going elsewhere has led to.
type (
	arrived struct {
		from   *pane // that was opened again; nil for a spot that takes the place of the pane at number
		number int
		by     *opening
		asked  spot
		dir    string
		opened opened
		err    error
	}
	podsListed struct {
		pods []pick.Row
		err  error
	}
)

// other takes what a mover has asked for.
func (m mover) other(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case podsListed:
		m.side.asking, m.side.err = false, msg.err
		if msg.err == nil {
			m.side.pods = msg.pods
		}
		m.arrange()
	case arrived:
		return opener(m).arrive(msg)
	}
	return nil
}

// take keeps what runs in a container.
func (s *switcher) take(r ran) {
	if r.err == nil {
		if s.running == nil {
			s.running = map[spot][]process{}
		}
		of := r.pane.spot
		of.pid = 0
		s.running[of] = r.items
	}
}

// toggle shows the switcher and goes to it, or takes it away.
func (m mover) toggle() tea.Cmd {
	if m.side.focused {
		m.side.open, m.side.focused = false, false
		return nil
	}
	m.side.open, m.side.focused, m.side.filter = true, true, ""
	m.side.rows = nil
	return m.ask(true)
}

// ask asks what there is: processes always, and pods where they may have changed.
func (m mover) ask(pods bool) tea.Cmd {
	m.arrange()
	var cmds []tea.Cmd
	p := near(m.model)
	if h, ok := p.place.(host); ok && m.table == nil && m.lost != p {
		cmds = append(cmds, func() tea.Msg {
			items, err := h.processes(m.ctx)
			return ran{p, items, err}
		})
	}
	if pods && !m.side.asking {
		m.side.asking = true
		namespace := p.namespace
		cmds = append(cmds, func() tea.Msg {
			rows, err := m.does.pods(m.ctx, namespace)
			return podsListed{rows, err}
		})
	}
	return tea.Batch(cmds...)
}

// near is the pane of the pod that the switcher is about.
func near(m *model) *pane {
	if m.pane().local() {
		return m.panes[0]
	}
	return m.pane()
}

// arrange makes the rows, and leaves the cursor where it was, or where one is.
func (m mover) arrange() {
	s, p := &m.side, near(m.model)
	at := p.spot
	if s.at < len(s.rows) {
		at = s.rows[s.at].spot
	}
	s.rows = s.rows[:0]
	if s.filter == "" {
		s.rows = append(s.rows, goal{text: "this machine"})
	}
	if !slices.ContainsFunc(s.pods, func(row pick.Row) bool { return row.Name == p.pod }) {
		m.pod(pick.Unknown(p.pod))
	}
	for _, row := range s.pods {
		if row.Name == p.pod || strings.Contains(strings.ToLower(row.Name+" "+row.Status), strings.ToLower(s.filter)) {
			m.pod(row)
		}
	}
	s.at = max(0, slices.IndexFunc(s.rows, func(g goal) bool { return g.spot == at }))
}

// pod adds a pod and, where it is on the screen, what is in it.
func (m mover) pod(row pick.Row) {
	s, p := &m.side, near(m.model)
	g := goal{spot: spot{namespace: p.namespace, pod: row.Name}, text: row.Name, note: row.Note(), style: row.Style()}
	s.rows = append(s.rows, g)
	if row.Name != p.pod {
		return
	}
	for _, c := range p.containers {
		g = goal{spot: spot{p.namespace, p.pod, c, 0}, depth: 1, text: c}
		s.rows = append(s.rows, g)
		for _, run := range s.running[g.spot] {
			text := strconv.Itoa(run.PID) + " " + output.EscapeLine(run.CommandCell())
			s.rows = append(s.rows, goal{spot: spot{p.namespace, p.pod, c, run.PID}, depth: 2, text: text})
		}
	}
}

// key does what a key means to the switcher.
func (m mover) key(key string) tea.Cmd {
	s := &m.side
	step := map[string]int{
		"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -m.rows(), "pgdown": m.rows(), "home": -len(s.rows), "end": len(s.rows), "G": len(s.rows),
	}[key]
	switch key {
	case "esc":
		if s.filter != "" {
			s.filter = ""
			m.arrange()
			return nil
		}
		s.focused = false
	case "tab", "right", "l":
		s.focused = false
	case "P", "f2":
		return m.toggle()
	case "q", "f10":
		return m.quit()
	case "?", "f1":
		m.help = true
	case "r":
		return m.ask(true)
	case "/":
		m.prompt = &prompt{label: "/", each: func(text string) {
			s.filter = text
			m.arrange()
		}, back: func() {
			s.filter = ""
			m.arrange()
		}}
	case "enter":
		if s.at < len(s.rows) {
			return opener(m).visit(s.rows[s.at].spot)
		}
	}
	s.move(step)
	return nil
}

func (s *switcher) move(by int) { s.at = max(0, min(s.at+by, len(s.rows)-1)) }

// visit goes to a spot: at once where it was opened before, and to the same directory where it is a pod's.
func (m opener) visit(at spot) tea.Cmd {
	m.side.focused = false
	if m.side.opening != nil {
		m.side.opening.cancel()
		m.side.opening = nil
	}
	p := m.pane()
	if at.local() {
		return mover(m).desk()
	}
	if at == p.spot {
		return nil
	}
	if kept := m.visited[at]; kept != nil && kept != m.panes[1-m.focus] {
		return mover(m).put(m.focus, kept)
	}
	ctx, cancel := context.WithCancel(m.ctx)
	by, number, dir := &opening{cancel}, m.focus, "/"
	m.side.opening = by
	if !p.local() && p.dir != deletedDir {
		dir = p.dir
	}
	m.say("opening pod/%s %s (esc cancels)", at.pod, at.container)
	return func() tea.Msg {
		o, err := m.does.open(ctx, at)
		if ctx.Err() != nil && m.ctx.Err() == nil {
			err = fmt.Errorf("canceled: %w", ctx.Err())
		}
		return arrived{number: number, by: by, asked: at, dir: dir, opened: o, err: err}
	}
}
