// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

const (
	usualWidth, usualHeight = 80, 24
	// narrowest is the width below which there is no second column, and wide the one below which the switcher is there only for as long
	// as keys are about it.
	narrowest, wide = 60, 100
	sideColumns     = 32
)

// paint gives a text a style where there are colors.
func (m *model) paint(s output.Style, text string) string {
	if !m.colored {
		return text
	}
	return s.On(text)
}

// rows is how many lines there are between the first and the last.
func (m *model) rows() int { return max(1, cmp.Or(m.height, usualHeight)-2) }

// shown reports whether the switcher is on the screen, and sided how wide it is with the line beside it.
func shown(m *model) bool {
	return m.side.Open && (m.side.Focused || cmp.Or(m.width, usualWidth) >= wide)
}

func sided(m *model) int {
	switch columns := cmp.Or(m.width, usualWidth); {
	case !shown(m):
		return 0
	case columns < narrowest:
		return columns
	}
	return sideColumns + 1
}

// left is how wide the first column beside the switcher is, and previews says whether the second one has a preview.
func (m *model) left() int {
	columns := cmp.Or(m.width, usualWidth) - sided(m)
	switch {
	case m.both:
		return columns / 2
	case columns < narrowest:
		return columns
	}
	return columns * 11 / 20
}

func previews(m *model) bool { return !m.both && cmp.Or(m.width, usualWidth)-sided(m) >= narrowest }

// View draws the screen.
func (m *model) View() tea.View {
	m.width = cmp.Or(m.width, usualWidth)
	height := m.rows()
	lines := []string{drawing{m}.heading()}
	switch {
	case m.help:
		for line := range strings.SplitSeq(helpText, "\n") {
			lines = append(lines, output.Fit(line, m.width))
		}
	case m.viewer != nil:
		lines = append(lines, m.viewer.Lines(m.width, height, m.colored)...)
	case m.table != nil:
		lines = append(lines, drawing{m}.tableLines(height)...)
	default:
		lines = append(lines, drawing{m}.columns(height)...)
	}
	lines = lines[:min(len(lines), height+1)]
	for len(lines) < height+1 {
		lines = append(lines, "")
	}
	v := tea.NewView(strings.Join(append(lines, drawing{m}.below()), "\n"))
	v.AltScreen, v.MouseMode = true, tea.MouseModeCellMotion
	v.WindowTitle = output.EscapeLine(m.panes[0].title)
	return v
}

// heading is the first line: whose files, and where.
func (m drawing) heading() string {
	text, right := " "+output.EscapeLine(m.panes[0].title), ""
	switch {
	case m.viewer != nil:
		text, right = " "+m.viewer.Title, m.viewer.Position(m.rows())+" "
	case m.table != nil:
		right = output.Plural(len(m.table.items), "process", "processes") + ", by " + m.table.sortBy + " "
	case m.both:
		side, half := sided(m.model), m.left()
		return output.Selected.On(m.aside() + headingOf(m.panes[0], half) + headingOf(m.panes[1], m.width-half-side))
	default:
		p := m.panes[0]
		right = output.Plural(len(p.All.Items), "entry", "entries") + ", by " + p.Order + " "
		text = m.aside() + headingOf(p, m.width-sided(m.model)-output.Width(right))
	}
	return output.Selected.On(output.Fit(text, m.width-output.Width(right)) + right)
}

// headingOf says whose files they are and where; where that is too long, without the user.
func headingOf(p *pane, columns int) string {
	title := output.EscapeLine(p.title)
	if output.Width(title+place.Shown(p.Dir))+4 > columns {
		title, _, _ = strings.Cut(title, " (")
	}
	return output.Fit(" "+title+"  "+place.Shown(p.Dir), columns)
}

// aside is what the first line has above the switcher.
func (m drawing) aside() string {
	return output.Fit(m.side.Heading(here(m.model)), min(sided(m.model), m.width))
}

// columns are the switcher, and a list and a preview, or two lists.
func (m drawing) columns(height int) []string {
	var all [][]string
	var widths []int
	add := func(width int, lines []string) {
		if width > 0 {
			all, widths = append(all, lines), append(widths, width)
		}
	}
	side, left := sided(m.model), m.left()
	if side > 0 {
		columns, there := min(sideColumns, m.width), []place.Spot{m.panes[0].Spot}
		if m.both {
			there = append(there, m.panes[1].Spot)
		}
		add(columns, m.side.Lines(columns, height, there, m.paint))
	}
	add(left, m.panes[0].Lines(m.paint, left, height, m.focus == 0 && !m.side.Focused))
	switch rest := m.width - side - left - 1; {
	case m.both:
		add(rest, m.panes[1].Lines(m.paint, rest, height, m.focus == 1 && !m.side.Focused))
	case previews(m.model):
		add(rest, m.previewLines(rest, height))
	}
	lines := make([]string, height)
	for i := range lines {
		for j, column := range all {
			if j > 0 {
				lines[i] += m.paint(output.Dim, "│")
			}
			switch {
			case i < len(column):
				lines[i] += column[i]
			case j < len(all)-1:
				lines[i] += strings.Repeat(" ", widths[j])
			}
		}
	}
	return lines
}

// below is the last line: a question, what is typed, a copy, what became of something, or the keys.
func (m drawing) below() string {
	columns := m.width
	switch {
	case m.ask != nil:
		return output.Fit(m.ask.text, columns-7) + " [y/N] "
	case m.prompt != nil:
		return m.prompt.Line(columns)
	case m.work != nil:
		return output.Fit(m.work.String()+"   (esc cancels)", columns)
	case m.status != "" && m.alarm:
		return m.paint(output.Alarm, output.Fit(m.status, columns))
	case m.status != "":
		return output.Fit(m.status, columns)
	case m.help:
		return output.Fit("any key goes back", columns)
	case m.viewer != nil:
		return output.Fit(cmp.Or(m.viewer.Note, "q back  / search  n next  x hex  g G first, last"), columns)
	case m.table != nil:
		return output.Fit("q back  enter lsof  s ss  e env  t threads  k signal  P M N sort  ? help", columns)
	case m.side.Focused && m.side.Err != nil:
		return m.paint(output.Alarm, output.Fit(output.EscapeLine(m.side.Err.Error()), columns))
	case m.side.Focused:
		return output.Fit("enter goes there  h all namespaces  n one by name  / filter  esc back  ? help", columns)
	case m.pane().Filter != "":
		return output.Fit("/"+output.EscapeLine(m.pane().Filter)+"   esc shows all", columns)
	}
	return output.Fit("? help  / filter  v view  c copy  tab other side  p processes  P pods  q quit", columns)
}
