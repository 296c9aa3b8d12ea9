// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/list"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

const (
	// previewBytes is how much of a file a preview reads.
	previewBytes = 16 << 10
	// previewNames is how many entries of a directory it names.
	previewNames = 200
)

// A preview is what the item under the cursor is.
type preview struct {
	key, asked string // asked is the one that is on its way; "" for none
	place.Head
	text  pager.Text
	names []place.Item
	err   error
}

// peek asks for the preview of the item under the cursor. One is asked for at a time, so that keys that repeat do not queue up.
func (m finder) peek() tea.Cmd {
	p := m.pane()
	it, ok := p.Item()
	key := fmt.Sprint(previewKey(p), it.Time.UnixNano(), it.Size)
	if !ok || it.Name == place.Parent || m.preview.asked != "" || m.preview.key == key || m.lost == p || !previews(m.model) || p.coming != "" {
		return nil
	}
	m.preview.asked = key
	name := p.Path()
	return func() tea.Msg {
		l := looked{pane: p, key: key}
		l.Head, l.err = p.place.Look(m.ctx, name, previewBytes, false)
		if l.err == nil && l.Item.IsDir() && !l.Item.Kernel {
			var in place.Listing
			if in, l.err = p.place.List(m.ctx, l.Path); l.err == nil {
				list.Sort(in.Items, "name")
				l.names = in.Items[:min(len(in.Items), previewNames)]
				l.Note = output.Plural(len(in.Items), "entry", "entries")
			}
		}
		return l
	}
}

// previewKey is what a preview is of.
func previewKey(p *pane) string { return fmt.Sprintf("%v:%s:", p.Spot, p.Path()) }

// take shows what has come.
func (p *preview) take(l looked) {
	*p = preview{key: l.key, Head: l.Head, names: l.names, err: l.err}
	if l.Opened {
		p.text = pager.Begin(l.Path, l.Begin)
	}
}

// previewLines are the facts of the item under the cursor, and how it begins.
func (m drawing) previewLines(columns, height int) []string {
	p := m.pane()
	it, ok := p.Item()
	if !ok || it.Name == place.Parent {
		return nil
	}
	lines := []string{" " + m.paint(output.Bold, output.Fit(it.Shown, columns-1))}
	for _, fact := range list.Facts(it, p.Differs[it.Name]) {
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
		lines = append(lines, " "+m.paint(files.FileStyle(files.KindOf(in.Mode), in.Perm), output.Fit(in.Shown+list.Suffix(in), columns-1)))
	}
	for _, line := range s.text.Lines(columns-1, height-len(lines), m.colored) {
		lines = append(lines, " "+line)
	}
	return lines
}
