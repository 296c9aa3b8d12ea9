// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// A switcher lists where else one can go: the pods of a namespace and, of the one that is on the screen, its containers and processes.
type switcher struct {
	open, focused bool
	// namespace is the one that was chosen: "" for the pod's own, everywhere for a list of all.
	namespace string
	spaces    []string
	pods      []pick.Row
	of        string             // the namespace of pods
	running   map[spot][]process // by container
	rows      []goal
	at, top   int
	filter    string
	asking    string // the namespace that is asked about
	err       error
	opening   *opening // a spot; nil for none
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
		namespace string
		pods      []pick.Row
		spaces    []string
		err       error
	}
)

// everywhere is in the place of a namespace where they are listed.
const everywhere = "*"

// other takes what a mover has asked for.
func (m mover) other(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case podsListed:
		m.listed(msg)
	case arrived:
		return opener(m).arrive(msg)
	}
	return nil
}

// listed takes a list, if it is still wanted. Of a namespace that may not be listed nothing is shown but why.
func (m mover) listed(l podsListed) {
	s := &m.side
	if l.namespace != s.asking {
		return
	}
	s.asking, s.err = "", l.err
	if s.at < len(s.rows) && s.rows[s.at].pod == "" {
		s.rows = nil // the cursor goes where one is
	}
	switch {
	case l.namespace == everywhere && l.err != nil:
		s.err = fmt.Errorf("n takes a namespace by name: %w", l.err)
	case l.namespace == everywhere:
		s.namespace, s.spaces, s.rows = everywhere, l.spaces, nil
	case l.err == nil || s.of != l.namespace:
		s.of, s.pods = l.namespace, l.pods
	}
	m.arrange()
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
	m.side.open, m.side.focused, m.side.filter, m.side.namespace = true, true, "", ""
	m.side.rows, m.side.asking = nil, ""
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
	if namespace := within(m.model); pods || namespace != m.side.of && namespace != everywhere {
		cmds = append(cmds, m.list(namespace))
	}
	return tea.Batch(cmds...)
}

// list asks for the pods of a namespace, or for all namespaces.
func (m mover) list(namespace string) tea.Cmd {
	if m.side.asking == namespace {
		return nil
	}
	m.side.asking = namespace
	return func() tea.Msg {
		l := podsListed{namespace: namespace}
		if namespace == everywhere {
			l.spaces, l.err = m.does.namespaces(m.ctx)
		} else {
			l.pods, l.err = m.does.pods(m.ctx, namespace)
		}
		return l
	}
}

// choose goes where a row leads: to the namespaces, to the pods of one, or to a spot.
func (m mover) choose(at spot) tea.Cmd {
	switch {
	case at.pod != "" || at.namespace == "":
		return opener(m).visit(at)
	case at.namespace == everywhere:
		return m.list(everywhere)
	}
	m.side.namespace, m.side.filter, m.side.rows = at.namespace, "", nil
	return m.ask(true)
}

// within is the namespace whose pods are listed.
func within(m *model) string { return cmp.Or(m.side.namespace, near(m).namespace) }

// near is the pane of the pod that the switcher is about.
func near(m *model) *pane {
	if m.pane().local() {
		return m.panes[0]
	}
	return m.pane()
}

// arrange makes the rows, and leaves the cursor where it was, or where one is.
func (m mover) arrange() {
	s, p, namespace := &m.side, near(m.model), within(m.model)
	at := p.spot
	if s.at < len(s.rows) {
		at = s.rows[s.at].spot
	}
	s.rows = s.rows[:0]
	if s.filter == "" {
		s.rows = append(s.rows, goal{text: "this machine"})
	}
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(s.filter)) }
	if namespace != everywhere {
		m.pods(namespace, has)
	}
	for _, name := range s.spaces {
		if namespace == everywhere && has(name) {
			s.rows = append(s.rows, goal{spot: spot{namespace: name}, text: name})
		}
	}
	for _, at := range []spot{at, p.spot, {namespace: p.namespace}} {
		if s.at = slices.IndexFunc(s.rows, func(g goal) bool { return g.spot == at }); s.at >= 0 {
			return
		}
	}
	s.at = max(0, slices.IndexFunc(s.rows, func(g goal) bool { return g.pod != "" }))
}

// pods adds those of a namespace whose name or status has what is typed, and the one that is on the screen.
func (m mover) pods(namespace string, has func(string) bool) {
	s, p := &m.side, near(m.model)
	own := func(row pick.Row) bool { return namespace == p.namespace && row.Name == p.pod }
	if s.filter == "" {
		s.rows = append(s.rows, goal{spot: spot{namespace: everywhere}, text: ".. all namespaces"})
	}
	var rows []pick.Row
	if s.of == namespace {
		rows = s.pods
	}
	if namespace == p.namespace && !slices.ContainsFunc(rows, own) {
		m.pod(namespace, pick.Unknown(p.pod), true)
	}
	for _, row := range rows {
		if own(row) || has(row.Name+" "+row.Status) {
			m.pod(namespace, row, own(row))
		}
	}
}

// pod adds a pod and, where it is on the screen, what is in it.
func (m mover) pod(namespace string, row pick.Row, own bool) {
	s, p := &m.side, near(m.model)
	g := goal{spot: spot{namespace: namespace, pod: row.Name}, text: row.Name, note: row.Note(), style: row.Style()}
	s.rows = append(s.rows, g)
	if !own {
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
	s.err = nil
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
	case "backspace", "left", "h":
		return m.list(everywhere)
	case "n":
		m.prompt = &prompt{label: "namespace: ", done: func(name string) tea.Cmd {
			return m.choose(spot{namespace: cmp.Or(strings.TrimSpace(name), within(m.model))})
		}}
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
			return m.choose(s.rows[s.at].spot)
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
		return m.desk()
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
