// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A viewer shows a text on the whole screen.
type viewer struct {
	title     string
	data      []byte // of a file, which x shows in hexadecimal
	hex       bool
	lines     []string
	top, left int
	search    string
	note      string
	lang      *language
}

// language is that of what is shown; nil for none.
func (v *viewer) language() *language {
	if v.hex {
		return nil
	}
	return v.lang
}

// viewed is what a viewer was asked for.
type viewed struct {
	viewer
	err error
}

// view asks for a file.
func (m finder) view() tea.Cmd {
	p := m.pane()
	name := p.path()
	if it, ok := p.item(); !ok || it.directory() {
		return nil
	}
	m.say("reading %s", remote.Escape(name))
	return func() tea.Msg {
		s, err := p.place.look(m.ctx, name, viewBytes, true)
		v := viewer{title: remote.Escape(name), data: s.begin, hex: binary(s.begin)}
		if !v.hex {
			v.data = firstLines(v.data)
		}
		switch {
		case err != nil:
			return viewed{v, fmt.Errorf("open %s: %w", remote.Escape(name), err)}
		case !s.opened:
			return viewed{v, fmt.Errorf("%s %s", remote.Escape(name), s.note)}
		case s.item.size > int64(len(v.data)) && !s.item.kernel:
			v.note = fmt.Sprintf("the first %s of %s: c copies the file out", output.HumanBytes(int64(len(v.data))), output.HumanBytes(s.item.size))
		}
		v.lines = textOf(v.data, v.hex)
		v.lang = languageOf(s.path, v.lines[0])
		return viewed{v, nil}
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
		return viewed{viewer{title: output.EscapeLine(line), lines: textOf([]byte(text), false)}, err}
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

// key does what a key means to a viewer. It reports whether the viewer is closed.
func (v *viewer) key(key string, height int) (closed bool) {
	switch key {
	case "q", "esc", "f3", "v", "backspace":
		return true
	case "left", "h":
		v.left = max(0, v.left-tabWidth)
	case "right", "l":
		v.left += tabWidth
	case "up", "k":
		v.top--
	case "down", "j", "enter":
		v.top++
	case "pgup", "ctrl+b", "b":
		v.top -= height
	case "pgdown", "ctrl+f", "space", "f":
		v.top += height
	case "home", "g":
		v.top = 0
	case "end", "G":
		v.top = len(v.lines)
	case "x":
		if v.data != nil {
			v.hex = !v.hex
			v.lines, v.top = textOf(v.data, v.hex), 0
		}
	case "n":
		v.find(v.top+1, 1)
	case "N":
		v.find(v.top-1, -1)
	}
	v.top = max(0, min(v.top, len(v.lines)-height))
	return false
}

// find goes to the first line from one on that has what is searched for, whatever its case where no letter of it is a capital.
func (v *viewer) find(from, step int) bool {
	if v.search == "" {
		return false
	}
	has := func(line string) bool {
		if v.search == strings.ToLower(v.search) {
			line = strings.ToLower(line)
		}
		return strings.Contains(line, v.search)
	}
	for i := from; i >= 0 && i < len(v.lines); i += step {
		if has(v.lines[i]) {
			v.top = i
			return true
		}
	}
	return false
}
