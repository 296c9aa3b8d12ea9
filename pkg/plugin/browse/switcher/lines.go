// SPDX-License-Identifier: Apache-2.0

package switcher

import (
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// Heading says which namespace's pods are listed, and what is typed to filter them.
func (s *Switcher) Heading(here Here) string {
	text := " " + s.Within(here)
	if s.Within(here) == Everywhere {
		text = " all namespaces"
	}
	if s.Filter != "" {
		text += "  /" + output.EscapeLine(s.Filter)
	}
	return text
}

// Lines are the rows that fit. What is on the screen is marked, and paint gives a text a style where there are colors.
func (s *Switcher) Lines(columns, height int, shown []place.Spot, paint func(output.Style, string) string) []string {
	s.top = max(0, min(s.top, s.At, len(s.Rows)-height), s.At-height+1)
	var lines []string
	for i := s.top; i < len(s.Rows) && len(lines) < height; i++ {
		lines = append(lines, s.Rows[i].line(columns, s.Focused && i == s.At, slices.Contains(shown, s.Rows[i].Spot), paint))
	}
	for len(lines) < height {
		lines = append(lines, strings.Repeat(" ", columns))
	}
	return lines
}

// line says what is wrong with a pod too.
func (r Row) line(columns int, at, shown bool, paint func(output.Style, string) string) string {
	mark := " "
	if shown {
		mark = "•"
	}
	note := r.note
	if note != "" {
		note = " " + output.Fit(output.EscapeLine(note), min(output.Width(output.EscapeLine(note)), columns/2))
	}
	text := mark + strings.Repeat("  ", r.Depth) + r.text
	line := output.Fit(text, columns-output.Width(note)-1) + note + " "
	switch {
	case at:
		return output.Selected.On(line)
	case r.style != output.Plain:
		return paint(r.style, line)
	case shown:
		return paint(output.Bold, line)
	}
	return line
}
