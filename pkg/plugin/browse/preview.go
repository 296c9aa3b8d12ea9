// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
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
	it, ok := p.item()
	key := fmt.Sprint(previewKey(p), it.Time.UnixNano(), it.Size)
	if !ok || it.Name == place.Parent || m.preview.asked != "" || m.preview.key == key || m.lost == p || !previews(m.model) || p.coming != "" {
		return nil
	}
	m.preview.asked = key
	name := p.path()
	return func() tea.Msg {
		l := looked{pane: p, key: key}
		l.Head, l.err = p.place.Look(m.ctx, name, previewBytes, false)
		if l.err == nil && l.Item.IsDir() && !l.Item.Kernel {
			var in place.Listing
			if in, l.err = p.place.List(m.ctx, l.Path); l.err == nil {
				place.Arrange(in.Items, "name")
				l.names = in.Items[:min(len(in.Items), previewNames)]
				l.Note = output.Plural(len(in.Items), "entry", "entries")
			}
		}
		return l
	}
}

// previewKey is what a preview is of.
func previewKey(p *pane) string { return fmt.Sprintf("%v:%s:", p.Spot, p.path()) }

// take shows what has come.
func (p *preview) take(l looked) {
	*p = preview{key: l.key, Head: l.Head, names: l.names, err: l.err}
	if l.Opened {
		p.text = pager.Begin(l.Path, l.Begin)
	}
}
