// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"cmp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
)

const (
	// usualHeight is that of a terminal that does not know its own.
	usualHeight = 24
)

const keys = "q quit   P M T F N sort by cpu, memory, time, fds, pid   k signal   l lsof   ? help"

const helpText = `Keys

  q         quit
  P M T F N sort by cpu, memory, time, fds, pid
  up, down  select a process; also page up, page down, home, end
  k         send a signal to a process
  l         the command that lists its open files
  ctrl-z    stop, until fg
  ?         this list

memory is the working set, by which the kubelet evicts pods; throttled is
the share of periods in which the CPU quota was used up; %CPU 100 is one
processor. All of it is since the last update.

Any key goes back.`

// rows is how many processes fit on the screen.
func rows(m *model) int {
	return max(1, cmp.Or(m.height, usualHeight)-len(above(m))-2)
}

func title(m *model) string {
	return output.EscapeLine("pod/" + m.pod + ", container " + m.container)
}

// above are the lines over the table.
func above(m *model) []string {
	lines := []string{paint(m, output.Bold, title(m)) + ", by " + m.sortBy}
	for _, l := range heading(m.Summary) {
		lines = append(lines, paint(m, l.style, output.EscapeLine(l.text)))
	}
	return append(lines, "")
}

// View draws the screen.
func (m *model) View() tea.View {
	var lines []string
	switch {
	case m.help:
		lines = strings.Split(helpText, "\n")
	case !m.measured:
		lines = []string{title(m), "", "measuring"}
	default:
		lines = append(above(m), table(m)...)
	}
	height := cmp.Or(m.height, usualHeight)
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	v := tea.NewView(strings.Join(append(lines[:max(0, height-1)], below(m)), "\n"))
	v.AltScreen = true
	return v
}

// below is the last line: a question, what became of something, what could not be read, or the keys.
func below(m *model) string {
	switch {
	case m.ask != nil:
		return output.EscapeLine(m.ask.String()) + output.Selected.On(" ")
	case m.status != "":
		return output.EscapeLine(m.status)
	case len(m.Notes) > 0:
		return output.EscapeLine("note: " + m.Notes[0])
	default:
		return keys
	}
}

// table are the header and the rows that fit, with the one that is selected among them.
func table(m *model) []string {
	rows, at := rows(m), m.index()
	m.top = max(0, min(m.top, at, len(m.Items)-rows), at-rows+1)
	var text bytes.Buffer
	color := output.Reporter{}
	if m.colored {
		color.Color = output.ColorAlways
	}
	_ = inspect.NewTable(columns(), m.Items, false, output.Bold).Print(&color, &text, true) // into memory
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if at >= 0 {
		lines[at+1] = output.Selected.On(strings.NewReplacer("\x1b[0m", "", "\x1b[31m", "").Replace(lines[at+1]))
	}
	return append(lines[:1], lines[1+m.top:min(len(lines), 1+m.top+rows)]...)
}
