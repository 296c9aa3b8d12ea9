// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/switcher"
)

// other takes what a mover has asked for.
func (m mover) other(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case switcher.List:
		m.side.Take(msg, here(m.model))
	case arrived:
		return opener(m).arrive(msg)
	}
	return nil
}

// toggle shows the switcher and goes to it, or takes it away.
func (m mover) toggle() tea.Cmd {
	if m.side.Focused {
		m.side.Open, m.side.Focused = false, false
		return nil
	}
	m.side.Show()
	return m.ask(true)
}

// ask asks what there is: processes always, and pods where they may have changed.
func (m mover) ask(pods bool) tea.Cmd {
	m.side.Arrange(here(m.model))
	var cmds []tea.Cmd
	p := near(m.model)
	if h, ok := p.place.(place.Host); ok && m.table == nil && m.lost != p {
		cmds = append(cmds, func() tea.Msg {
			items, err := h.Processes(m.ctx)
			return ran{p, items, err}
		})
	}
	if pods || m.side.Lacks(here(m.model)) {
		cmds = append(cmds, m.list(m.side.Within(here(m.model))))
	}
	return tea.Batch(cmds...)
}

// list asks for the pods of a namespace, or for all namespaces.
func (m mover) list(namespace string) tea.Cmd {
	if !m.side.Ask(namespace) {
		return nil
	}
	return func() tea.Msg {
		l := switcher.List{Namespace: namespace}
		if namespace == switcher.Everywhere {
			l.Namespaces, l.Err = m.does.namespaces(m.ctx)
		} else {
			l.Pods, l.Err = m.does.pods(m.ctx, namespace)
		}
		return l
	}
}

// choose goes where a row leads: to the namespaces, to the pods of one, or to a spot.
func (m mover) choose(at place.Spot) tea.Cmd {
	switch {
	case at.Pod != "" || at.Namespace == "":
		return opener(m).visit(at)
	case at.Namespace == switcher.Everywhere:
		return m.list(switcher.Everywhere)
	}
	m.side.Filter = ""
	m.side.Choose(at.Namespace)
	return m.ask(true)
}

// near is the pane of the pod that the switcher is about, and here that pod.
func near(m *model) *pane {
	if m.pane().Local() {
		return m.panes[0]
	}
	return m.pane()
}

func here(m *model) switcher.Here {
	p := near(m)
	return switcher.Here{Spot: p.Spot, Containers: p.containers}
}

// key does what a key means to the switcher.
func (m mover) key(key string) tea.Cmd {
	s := &m.side
	step := map[string]int{
		"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -m.rows(), "pgdown": m.rows(), "home": -len(s.Rows), "end": len(s.Rows), "G": len(s.Rows),
	}[key]
	s.Err = nil
	switch key {
	case "esc":
		if s.Filter != "" {
			s.Filter = ""
			s.Arrange(here(m.model))
			return nil
		}
		s.Focused = false
	case "tab", "right", "l":
		s.Focused = false
	case "P", "f2":
		return m.toggle()
	case "q", "f10":
		return m.quit()
	case "?", "f1":
		m.help = true
	case "r":
		return m.ask(true)
	case "backspace", "left", "h":
		return m.list(switcher.Everywhere)
	case "n":
		m.prompt = &prompt.Prompt{Label: "namespace: ", Done: func(name string) tea.Cmd {
			return m.choose(place.Spot{Namespace: cmp.Or(strings.TrimSpace(name), s.Within(here(m.model)))})
		}}
	case "/":
		m.prompt = &prompt.Prompt{Label: "/", Each: func(text string) {
			s.Filter = text
			s.Arrange(here(m.model))
		}, Back: func() {
			s.Filter = ""
			s.Arrange(here(m.model))
		}}
	case "enter":
		if s.At < len(s.Rows) {
			return m.choose(s.Rows[s.At].Spot)
		}
	}
	s.Move(step)
	return nil
}
