// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// completed are the entries of the directory in which a path was begun.
type completed struct {
	prompt *prompt
	typed  string
	place.Listing
	err error
}

// goTo takes a path, which Tab completes.
func goTo(m keyboard) {
	p := m.pane()
	dir := p.dir
	if dir == place.Deleted {
		dir = "/"
	}
	full := func(name string) string {
		if !strings.HasPrefix(name, "/") && (!p.Local() || !filepath.IsAbs(name)) {
			name = dir + "/" + name
		}
		return name
	}
	q := &prompt{label: "go to: ", typed: strings.TrimSuffix(dir, "/") + "/", done: func(name string) tea.Cmd {
		return reach(finder(m), p, path.Clean(full(name)))
	}}
	q.complete = func() tea.Cmd {
		typed := q.typed
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
	if _, ok := p.kept[name]; ok || name == "/" {
		return m.open(p, name, "")
	}
	dir := p.dir
	return func() tea.Msg {
		s, err := p.place.Look(m.ctx, name, 0, false)
		return followed{p, dir, name, s, false, err}
	}
}

// complete makes what is typed as long as there is no choice, and names the choice.
func (c completed) complete(m *model) {
	if c.prompt != m.prompt || c.typed != c.prompt.typed {
		return // the user has typed on
	}
	if c.err != nil {
		m.prompt.may = []string{place.Plain(c.err).Error()}
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
		m.prompt.may = []string{"nothing begins like that"}
		return
	}
	c.prompt.typed += common(names, len(begun))[len(begun):]
	if len(names) > 1 {
		c.prompt.may = names
	}
}

// common is how all words begin, which they do with what is typed at least. It ends where a letter does.
func common(words []string, typed int) string {
	first := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, first) {
			first = first[:len(first)-1]
		}
	}
	for len(first) > typed && !utf8.ValidString(first) {
		first = first[:len(first)-1]
	}
	return first
}
