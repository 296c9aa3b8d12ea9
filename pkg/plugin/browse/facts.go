// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// previewLines are the facts of the item under the cursor, and how it begins.
func (m drawing) previewLines(columns, height int) []string {
	p := m.pane()
	it, ok := p.item()
	if !ok || it.Name == place.Parent {
		return nil
	}
	lines := []string{" " + m.paint(output.Bold, output.Fit(it.Shown, columns-1))}
	for _, fact := range facts(it, p.differs[it.Name]) {
		lines = append(lines, " "+output.Fit(fact, columns-1))
	}
	s := m.preview
	if s.asked == "" && s.key == "" || !strings.HasPrefix(s.key, previewKey(p)) {
		return lines
	}
	if it.Target != "" && s.err == nil {
		lines = append(lines, " "+output.Fit("leads to "+remote.Escape(s.Path), columns-1))
	}
	lines = append(lines, " "+m.paint(output.Dim, strings.Repeat("─", max(0, columns-2))))
	switch {
	case s.err != nil:
		lines = append(lines, " "+output.Fit(output.EscapeLine(place.Plain(s.err).Error()), columns-1))
	case s.Note != "":
		lines = append(lines, " "+output.Fit(s.Note, columns-1))
	case s.Opened && len(s.Begin) == 0:
		lines = append(lines, " "+output.Fit("empty", columns-1))
	}
	for _, in := range s.names {
		lines = append(lines, " "+m.paint(files.FileStyle(files.KindOf(in.Mode), in.Perm), output.Fit(in.Shown+suffix(in), columns-1)))
	}
	for _, line := range s.text.Lines(columns-1, height-len(lines), m.colored) {
		lines = append(lines, " "+line)
	}
	return lines
}

// facts are what is known of an item, a line each.
func facts(it place.Item, differs string) (lines []string) {
	if it.Unknown {
		return []string{"nothing more is known: its directory does not let it be looked at"}
	}
	mode := files.ModeString(&remote.Stat{Mode: it.Perm})
	owner := ""
	if it.User != "" {
		owner = "  " + it.User + ":" + it.Group
	}
	lines = append(lines, mode+owner)
	size := files.KindOf(it.Mode)
	if it.Mode.IsRegular() {
		size = strconv.FormatInt(it.Size, 10) + " bytes"
		if it.Sparse() {
			size += fmt.Sprintf(", sparse: %s on the disk", output.HumanBytes(it.Blocks*512))
		}
		if it.Links > 1 {
			size += fmt.Sprintf(", %d hard links", it.Links)
		}
	}
	lines = append(lines, size, it.Time.Local().Format("2006-01-02 15:04:05 -0700"))
	if it.Target != "" {
		lines = append(lines, "-> "+remote.Escape(it.Target))
	}
	if it.Gone != "" {
		lines = append(lines, "was "+remote.Escape(it.Gone), "open as "+it.Real)
	}
	switch it.Change {
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
