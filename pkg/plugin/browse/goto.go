// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"path"
	"path/filepath"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
)

// completed are the entries of the directory in which a path was begun.
type completed struct {
	prompt *prompt.Prompt
	typed  string
	place.Listing
	err error
}

// goTo takes a path, which Tab completes.
func goTo(m keyboard) {
	p := m.pane()
	dir := p.Dir
	if dir == place.Deleted {
		dir = "/"
	}
	full := func(name string) string {
		if !strings.HasPrefix(name, "/") && (!p.Local() || !filepath.IsAbs(name)) {
			name = dir + "/" + name
		}
		return name
	}
	q := &prompt.Prompt{Label: "go to: ", Typed: strings.TrimSuffix(dir, "/") + "/", Done: func(name string) tea.Cmd {
		return reach(finder(m), p, path.Clean(full(name)))
	}}
	q.Complete = func() tea.Cmd {
		typed := q.Typed
		dir, _ := path.Split(full(typed))
		return func() tea.Msg {
			l, err := p.place.List(m.ctx, path.Clean(dir))
			return completed{q, typed, l, err}
		}
	}
	m.prompt = q
}

// reach goes to a directory, or to a file in its own.
func reach(m finder, p *pane, name string) tea.Cmd {
	if _, ok := p.Kept[name]; ok || name == "/" {
		return m.open(p, name, "")
	}
	dir := p.Dir
	return func() tea.Msg {
		s, err := p.place.Look(m.ctx, name, 0, false)
		return followed{p, dir, name, s, false, err}
	}
}

// complete makes what is typed as long as there is no choice, and names the choice.
func (c completed) complete(m *model) {
	if c.prompt != m.prompt || c.typed != c.prompt.Typed {
		return // the user has typed on
	}
	if c.err != nil {
		c.prompt.Say(place.Plain(c.err).Error())
		return
	}
	begun := c.typed[strings.LastIndexByte(c.typed, '/')+1:]
	var names []string
	for _, it := range c.Items {
		if strings.HasPrefix(it.Name, begun) && (begun != "" || !strings.HasPrefix(it.Name, ".")) {
			name := it.Name
			if it.IsDir() {
				name += "/"
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		c.prompt.Say("nothing begins like that")
		return
	}
	c.prompt.Offer(begun, names)
}
