// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"fmt"
	"path"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/list"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A question is answered with y; any other key is a no.
type question struct {
	text string
	yes  func() tea.Cmd
}

// key does what a key means. What is on top of the screen has it first.
func (m keyboard) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	switch {
	case key == "ctrl+c":
		return m.quit()
	case key == "ctrl+z":
		return tea.Suspend
	case m.ask != nil:
		return m.answer(key)
	case m.prompt != nil:
		return m.typed(msg)
	case m.help:
		m.help = false
		return nil
	case m.viewer != nil:
		m.viewerKey(key)
		return nil
	case m.table != nil:
		return m.tableKey(key)
	case m.side.Focused:
		return mover(m).key(key)
	case key == "esc" && m.work != nil:
		m.work.cancel()
		return nil
	case key == "esc" && m.opening != nil:
		m.opening.cancel()
		return nil
	}
	hush(m.model)
	if cmd, known := m.going(key); known {
		return cmd
	}
	return m.do(key)
}

// hush takes away what has become of something, unless it goes on.
func hush(m *model) {
	if m.lost == nil {
		m.status, m.alarm = "", false
	}
}

// quit ends the screen. A copy that runs is ended first.
func (m *model) quit() tea.Cmd {
	if m.work != nil {
		m.work.cancel()
	}
	return tea.Quit
}

func (m keyboard) answer(key string) tea.Cmd {
	q := m.ask
	m.ask = nil
	if key == "y" || key == "Y" {
		return q.yes()
	}
	m.say("nothing was done")
	return nil
}

// typed hands a key to the prompt. What that leads to may be another one.
func (m keyboard) typed(msg tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	cmd, closed := p.Key(msg)
	if closed && m.prompt == p {
		m.prompt = nil
	}
	return cmd
}

// going are the keys that only go somewhere.
func (m keyboard) going(key string) (cmd tea.Cmd, known bool) {
	p := m.pane()
	switch key {
	case "up", "k":
		p.Move(-1)
	case "down", "j":
		p.Move(1)
	case "pgup", "ctrl+b":
		p.Move(-m.rows())
	case "pgdown", "ctrl+f":
		p.Move(m.rows())
	case "home":
		p.Move(-len(p.Rows))
	case "end", "G":
		p.Move(len(p.Rows))
	case "enter", "right", "l":
		return m.enter(key == "enter"), true
	case "backspace", "left", "h":
		if place.Topmost(p.Dir) {
			return nil, true
		}
		return finder(m).open(p, place.Above(p.Dir), path.Base(p.Dir)), true
	case "tab":
		return finder(m).across(), true
	case "esc":
		p.Filter, p.Marked, p.Differs = "", map[string]bool{}, nil
		p.Arrange(p.Name())
		if m.focus == 0 {
			m.both = false
		}
	default:
		return nil, false
	}
	return nil, true
}

// enter goes into a directory or, with open, views a file.
func (m keyboard) enter(open bool) tea.Cmd {
	p := m.pane()
	it, ok := p.Item()
	switch {
	case !ok:
		return nil
	case it.Name == place.Parent:
		return finder(m).open(p, place.Above(p.Dir), path.Base(p.Dir))
	case it.IsDir():
		return finder(m).open(p, p.Path(), "")
	case it.Target != "":
		// Where the link leads inside the target is for the target to say.
		name, dir := p.Path(), p.Dir
		return func() tea.Msg {
			s, err := p.place.Look(m.ctx, name, 0, false)
			return followed{p, dir, name, s, open, err}
		}
	case open:
		return finder(m).view()
	}
	return nil
}

// followed is where a link leads.
type followed struct {
	pane *pane
	dir  string // where the user was
	name string
	place.Head
	open bool
	err  error
}

// follow goes where a link leads: into a directory, or to the file.
func (m finder) follow(f followed) tea.Cmd {
	switch {
	case cmp.Or(f.pane.coming, f.pane.Dir) != f.dir: // the user is not there any more
	case f.err != nil:
		m.alarmed(fmt.Errorf("follow %s: %w", remote.Escape(f.name), f.err))
	case f.Item.IsDir():
		return m.open(f.pane, f.Path, "")
	case f.open && f.pane == m.pane() && f.pane.Path() == f.name:
		return m.view()
	default:
		return m.open(f.pane, place.Above(f.Path), path.Base(f.Path))
	}
	return nil
}

// across goes to the other pane.
func (m finder) across() tea.Cmd {
	if !m.both {
		m.both, m.focus = true, 1
		return m.show(m.panes[1])
	}
	m.focus = 1 - m.focus
	return nil
}

// do are the keys that do something.
func (m keyboard) do(key string) tea.Cmd { //nolint:gocyclo // a case for each key
	p := m.pane()
	switch key {
	case "q", "f10":
		return m.quit()
	case "?", "f1":
		m.help = true
	case "/":
		m.filter()
	case "g", ":":
		goTo(m)
	case "P", "f2":
		return mover(m).toggle()
	case "s":
		p.Order = list.NextOrder(p.Order)
		p.Arrange(p.Name())
	case ".":
		p.Hidden = !p.Hidden
		p.Arrange(p.Name())
	case "space", "insert":
		p.Mark()
	case "r", "ctrl+r":
		clear(p.Kept)
		return finder(m).refresh(p)
	case "v", "f3":
		return finder(m).view()
	case "e", "f4":
		return doer(m).edit()
	case "c", "f5":
		return doer(m).copies()
	case "D":
		if !p.Local() {
			return finder(m).open(p, place.Deleted, "")
		}
	case "d":
		return doer(m).diff()
	case "=":
		return doer(m).compare()
	case "y":
		return m.clip()
	case "p":
		return doer(m).processes()
	}
	return nil
}

// filter leaves out what has not in its name what is typed.
func (m keyboard) filter() {
	p := m.pane()
	set := func(text string) {
		name := p.Name()
		p.Filter = text
		p.Arrange(name)
	}
	m.prompt = &prompt.Prompt{Label: "/", Each: set, Back: func() { set("") }}
}

// clip copies a path to the clipboard of the terminal (OSC 52). A person pastes it into a shell, and the target chooses its names.
func (m keyboard) clip() tea.Cmd {
	name := m.pane().Path()
	if !cli.Pastable(name) {
		m.say("not copied: %s has characters that a shell would not take as they are", remote.Escape(name))
		return nil
	}
	m.say("copied to the clipboard: %s", name)
	return tea.SetClipboard(name)
}
