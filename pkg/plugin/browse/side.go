// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

// aside is what the first line has above the switcher.
func (m drawing) aside() string {
	if sided(m.model) == 0 {
		return ""
	}
	text := " " + within(m.model)
	if within(m.model) == everywhere {
		text = " all namespaces"
	}
	if m.side.filter != "" {
		text += "  /" + output.EscapeLine(m.side.filter)
	}
	return output.Fit(text, min(sided(m.model), m.width))
}

// sideLines are the rows of the switcher that fit.
func (m drawing) sideLines(columns, height int) []string {
	s := &m.side
	s.top = max(0, min(s.top, s.at, len(s.rows)-height), s.at-height+1)
	var lines []string
	for i := s.top; i < len(s.rows) && len(lines) < height; i++ {
		lines = append(lines, m.goalLine(s.rows[i], columns, s.focused && i == s.at))
	}
	for len(lines) < height {
		lines = append(lines, strings.Repeat(" ", columns))
	}
	return lines
}

// goalLine marks what is on the screen, and says what is wrong with a pod.
func (m drawing) goalLine(g goal, columns int, at bool) string {
	mark := " "
	for i, p := range m.panes {
		if p.spot == g.spot && (i == 0 || m.both) {
			mark = "•"
		}
	}
	note := g.note
	if note != "" {
		note = " " + output.Fit(output.EscapeLine(note), min(output.Width(output.EscapeLine(note)), columns/2))
	}
	text := mark + strings.Repeat("  ", g.depth) + g.text
	line := output.Fit(text, columns-output.Width(note)-1) + note + " "
	switch {
	case at:
		return selection.On(line)
	case g.style != output.Plain:
		return m.paint(g.style, line)
	case mark != " ":
		return m.paint(bold, line)
	}
	return line
}
