// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// viewed is a text that was asked for. With an error it is what was printed before that, or nil.
type viewed struct {
	pager *pager.Pager
	err   error
}

// view asks for a file.
func (m finder) view() tea.Cmd {
	p := m.pane()
	name := p.Path()
	if it, ok := p.Item(); !ok || it.IsDir() {
		return nil
	}
	m.say("reading %s", remote.Escape(name))
	return func() tea.Msg {
		s, err := p.place.Look(m.ctx, name, pager.Limit, true)
		switch {
		case err != nil:
			return viewed{err: fmt.Errorf("open %s: %w", remote.Escape(name), err)}
		case !s.Opened:
			return viewed{err: fmt.Errorf("%s %s", remote.Escape(name), s.Note)}
		}
		v := pager.File(remote.Escape(name), s.Path, s.Begin)
		if s.Item.Size > v.Shown() && !s.Item.Kernel {
			v.Note = fmt.Sprintf("the first %s of %s: c copies the file out", output.HumanBytes(v.Shown()), output.HumanBytes(s.Item.Size))
		}
		return viewed{pager: v}
	}
}

// run runs a command line of this tool in a namespace, and shows what it prints.
func (m doer) run(namespace string, args ...string) tea.Cmd {
	line := lineOf(args)
	if namespace != m.home {
		line += " -n " + namespace
	}
	m.say("%s", line)
	return func() tea.Msg {
		text, err := m.does.command(m.ctx, namespace, args...)
		return viewed{pager.Printed(output.EscapeLine(line), text), err}
	}
}

// lineOf is a command line for people, who paste it: a name that a shell acts on is left out.
func lineOf(args []string) string {
	line := "kubectl shareproc"
	for _, word := range args {
		if !cli.Pastable(word) {
			word = "…"
		}
		line += " " + word
	}
	return line
}

// viewed shows what was asked for, and of a command that failed what it has printed.
func (m doer) viewed(v viewed) {
	m.status, m.alarm = "", false
	m.alarmed(v.err)
	if v.pager != nil && (v.err == nil || !v.pager.Empty()) {
		m.viewer = v.pager
	}
}

// viewerKey does what a key means to the viewer.
func (m keyboard) viewerKey(key string) {
	hush(m.model)
	v := m.viewer
	switch {
	case key == "/":
		m.prompt = &prompt.Prompt{Label: "/", Done: func(text string) tea.Cmd {
			if !v.Search(text) {
				m.say("%q is not in it", text)
			}
			return nil
		}}
	case key == "?":
		m.help = true
	case v.Key(key, m.rows()):
		m.viewer = nil
	}
}
