// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// previewLines are the facts of the item under the cursor, and how it begins.
func (m drawing) previewLines(columns, height int) []string {
	p := m.pane()
	it, ok := p.item()
	if !ok || it.name == parent {
		return nil
	}
	lines := []string{" " + m.paint(bold, output.Fit(it.shown, columns-1))}
	for _, fact := range facts(it, p.differs[it.name]) {
		lines = append(lines, " "+output.Fit(fact, columns-1))
	}
	s := m.preview
	if s.asked == "" && s.key == "" || !strings.HasPrefix(s.key, previewKey(p)) {
		return lines
	}
	if it.target != "" && s.err == nil {
		lines = append(lines, " "+output.Fit("leads to "+remote.Escape(s.path), columns-1))
	}
	lines = append(lines, " "+m.paint(dim, strings.Repeat("─", max(0, columns-2))))
	switch {
	case s.err != nil:
		lines = append(lines, " "+output.Fit(output.EscapeLine(plain(s.err).Error()), columns-1))
	case s.note != "":
		lines = append(lines, " "+output.Fit(s.note, columns-1))
	case s.opened && len(s.begin) == 0:
		lines = append(lines, " "+output.Fit("empty", columns-1))
	}
	for _, in := range s.names {
		lines = append(lines, " "+m.paint(files.FileStyle(files.KindOf(in.mode), in.perm), output.Fit(in.shown+suffix(in), columns-1)))
	}
	for _, line := range s.text {
		if len(lines) >= height {
			break
		}
		lines = append(lines, " "+output.Fit(m.highlight(s.lang, line), columns-1))
	}
	return lines
}

// highlight colors a line where there are colors.
func (m drawing) highlight(l *language, line string) string {
	if !m.colored {
		return line
	}
	return l.color(line)
}

// facts are what is known of an item, a line each.
func facts(it item, differs string) (lines []string) {
	if it.unknown {
		return []string{"nothing more is known: its directory does not let it be looked at"}
	}
	mode := files.ModeString(&remote.Stat{Mode: it.perm})
	owner := ""
	if it.user != "" {
		owner = "  " + it.user + ":" + it.group
	}
	lines = append(lines, mode+owner)
	size := files.KindOf(it.mode)
	if it.mode.IsRegular() {
		size = strconv.FormatInt(it.size, 10) + " bytes"
		if it.sparse() {
			size += fmt.Sprintf(", sparse: %s on the disk", output.HumanBytes(it.blocks*512))
		}
		if it.links > 1 {
			size += fmt.Sprintf(", %d hard links", it.links)
		}
	}
	lines = append(lines, size, it.time.Local().Format("2006-01-02 15:04:05 -0700"))
	if it.target != "" {
		lines = append(lines, "-> "+remote.Escape(it.target))
	}
	if it.gone != "" {
		lines = append(lines, "was "+remote.Escape(it.gone), "open as "+it.real)
	}
	switch it.change {
	case proc.Changed:
		lines = append(lines, "changed or created since the start")
	case proc.Attributes:
		lines = append(lines, "mode, owner, name or links changed since the start")
	case proc.Entries:
		lines = append(lines, "entries added or removed since the start")
	}
	if differs != "" {
		lines = append(lines, "differs: "+differs)
	}
	return lines
}

// viewerLines are the lines of a text that fit.
func (m drawing) viewerLines(height int) []string {
	v := m.viewer
	var lines []string
	for i := v.top; i < len(v.lines) && len(lines) < height; i++ {
		line := m.highlight(v.language(), head(v.lines[i], v.left+m.width))
		if v.left > 0 {
			line = cutLeft(line, v.left)
		}
		lines = append(lines, output.Fit(line, m.width))
	}
	return lines
}

// viewerKey does what a key means to the viewer.
func (m keyboard) viewerKey(key string) {
	hush(m.model)
	v := m.viewer
	switch {
	case key == "/":
		m.prompt = &prompt{label: "/", done: func(text string) tea.Cmd {
			v.search = text
			if !v.find(v.top, 1) && !v.find(v.top-1, -1) {
				m.say("%q is not in it", text)
			}
			return nil
		}}
	case key == "?":
		m.help = true
	case v.key(key, m.rows()):
		m.viewer = nil
	}
}

// head is more of a line than so many columns show, however long the line is: each of them is looked at whenever it is drawn.
func head(line string, columns int) string {
	const cell = 16 // bytes, at most, but for marks on marks
	return strings.ToValidUTF8(line[:min(len(line), (columns+1)*cell)], "")
}

// cutLeft takes columns off the beginning of a line.
func cutLeft(line string, columns int) string { return ansi.TruncateLeft(line, columns, "") }

const helpText = `
  arrows, hjkl    go; page up, home, end too; enter opens, backspace goes up
  tab             the other side: this machine's files, or a second pod
  P, F2           pods, containers, processes: enter goes there, h namespaces
  /               show only names that have what is typed; esc shows all
  s  .            sort by name, size, time, kind; hide names with a dot
  g  :  r         go to a path, which tab completes; read the directory again
  space           mark
  mouse           a click selects, the next one opens, the wheel goes

  v, F3           view: text, or x hexadecimal; / searches
  e, F4           edit in your editor, and write back (asks)
  c, F5           copy to the other side, verified (asks); esc cancels
  D               deleted files that are open
  d  =            diff; mark what differs from the other side, or a replica
  y               copy the path to the clipboard
  p               processes: enter lsof, s ss, e env, t threads, k signal

  + ~ ±           created or changed, attributes changed, entries changed
                  since the container started

  q, F10, ctrl-c  quit                        ctrl-z  stop, until fg
`
