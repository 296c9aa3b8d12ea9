// SPDX-License-Identifier: Apache-2.0

package pick

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

const (
	usualWidth, usualHeight = 80, 24
)

// A model is the list on the screen (bubbletea's word). What is typed filters it.
type model struct {
	namespace, note string
	pods, rows      []Row
	filter, picked  string
	at, top         int
	width, height   int
	colored         bool
}

// Init asks for nothing.
func (m *model) Init() tea.Cmd { return nil }

// Update takes what has happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.MouseWheelMsg:
		m.move(map[tea.MouseButton]int{tea.MouseWheelUp: -1, tea.MouseWheelDown: 1}[msg.Button])
	case tea.KeyPressMsg:
		return m, m.key(msg)
	}
	return m, nil
}

func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	switch key := msg.String(); {
	case key == "ctrl+c", key == "esc" && m.filter == "":
		return tea.Quit
	case key == "ctrl+z":
		return tea.Suspend
	case key == "enter" && len(m.rows) > 0:
		m.picked = m.rows[m.at].Name
		return tea.Quit
	case key == "up", key == "ctrl+p":
		m.move(-1)
	case key == "down", key == "ctrl+n":
		m.move(1)
	case key == "pgup":
		m.move(-m.lines())
	case key == "pgdown":
		m.move(m.lines())
	case key == "esc":
		m.filter = ""
		m.arrange()
	case key == "backspace":
		m.filter = m.filter[:max(0, len(m.filter)-1)]
		m.arrange()
	case len(msg.Text) == 1 && strings.ContainsAny(strings.ToLower(msg.Text), "abcdefghijklmnopqrstuvwxyz0123456789-."):
		m.filter += strings.ToLower(msg.Text)
		m.arrange()
	}
	return nil
}

// arrange leaves out what has not in its name or status what is typed.
func (m *model) arrange() {
	m.rows = nil
	for _, p := range m.pods {
		if strings.Contains(strings.ToLower(p.Name+" "+p.Status), m.filter) {
			m.rows = append(m.rows, p)
		}
	}
	m.at = 0
}

func (m *model) move(by int) { m.at = max(0, min(m.at+by, len(m.rows)-1)) }

// lines is how many pods fit.
func (m *model) lines() int { return max(1, cmp.Or(m.height, usualHeight)-3) }

// View draws the screen.
func (m *model) View() tea.View {
	columns, height := cmp.Or(m.width, usualWidth), m.lines()
	name := len("NAME")
	for _, p := range m.pods {
		name = max(name, len(p.Name))
	}
	name = min(name, max(20, columns-40))
	line := func(p Row, restarts string) string {
		return " " + output.Fit(p.Name, name) + "  " + output.Fit(p.ready, 6) + " " + output.Fit(output.EscapeLine(p.Status), 18) + " " + output.Fit(restarts, 9) + p.age
	}
	title := fmt.Sprintf(" which pod of namespace %s?  %s", m.namespace, m.note)
	lines := []string{output.Selected.On(output.Fit(title, columns)), output.Fit(line(Row{Name: "NAME", ready: "READY", Status: "STATUS", age: "AGE"}, "RESTARTS"), columns)}
	m.top = max(0, min(m.top, m.at, len(m.rows)-height), m.at-height+1)
	for i := m.top; i < len(m.rows) && len(lines) < height+2; i++ {
		p := m.rows[i]
		text := output.Fit(line(p, fmt.Sprint(p.restarts)), columns)
		switch {
		case i == m.at:
			text = output.Selected.On(text)
		case m.colored && p.Style() != output.Plain:
			text = p.Style().On(text)
		}
		lines = append(lines, text)
	}
	for len(lines) < height+2 {
		lines = append(lines, "")
	}
	end := "enter takes it   type to filter   esc none"
	if m.filter != "" {
		end = fmt.Sprintf("%s▏  %s   esc all", m.filter, output.Plural(len(m.rows), "pod", "pods"))
	}
	v := tea.NewView(strings.Join(append(lines, output.Fit(" "+end, columns)), "\n"))
	v.AltScreen = true
	return v
}
