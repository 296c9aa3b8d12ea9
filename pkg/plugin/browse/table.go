// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A table is the processes of a pane's container.
type table struct {
	pane    *pane
	items   []inspect.Process
	at, top int
	asking  bool
	sortBy  string
}

// ran is what the processes are doing.
type ran struct {
	pane  *pane
	items []inspect.Process
	err   error
}

// processes shows them: those of the pod that keys are about, or of the one beside this machine.
func (m doer) processes() tea.Cmd {
	p := m.pane()
	if p.Local() {
		p = m.panes[0]
	}
	m.table = &table{pane: p, sortBy: "cpu"}
	return m.runs()
}

func (m doer) runs() tea.Cmd {
	t := m.table
	p := t.pane
	h, ok := p.place.(place.Host)
	if t.asking || !ok {
		return nil
	}
	t.asking = true
	return func() tea.Msg {
		items, err := h.Processes(m.ctx)
		return ran{p, items, err}
	}
}

// take shows new numbers. The process that is selected stays so.
func (t *table) take(r ran) {
	t.asking = false
	if r.err != nil {
		return
	}
	selected, _ := t.process()
	t.items = r.items
	inspect.Sort(t.items, t.sortBy)
	for i, p := range t.items {
		if p.PID == selected.PID {
			t.at = i
		}
	}
	t.move(0)
}

func (t *table) process() (inspect.Process, bool) {
	if t.at >= len(t.items) {
		return inspect.Process{}, false
	}
	return t.items[t.at], true
}

func (t *table) move(by int) { t.at = max(0, min(t.at+by, len(t.items)-1)) }

// tableKey does what a key means to the table. A process's files, sockets, environment and threads are what the commands of those
// names say.
func (m keyboard) tableKey(key string) tea.Cmd {
	t := m.table
	hush(m.model)
	switch key {
	case "up":
		t.move(-1)
	case "down", "j":
		t.move(1)
	case "pgup":
		t.move(-m.rows())
	case "pgdown":
		t.move(m.rows())
	case "home":
		t.move(-len(t.items))
	case "end":
		t.move(len(t.items))
	case "q", "esc", "p", "backspace", "h", "left":
		m.table = nil
	case "?":
		m.help = true
	case "P", "M", "N":
		t.sortBy = map[string]string{"P": "cpu", "M": "memory", "N": "pid"}[key]
		inspect.Sort(t.items, t.sortBy)
	}
	p, ok := t.process()
	if !ok {
		return nil
	}
	if verb := map[string]string{"enter": "lsof", "l": "lsof", "s": "ss", "e": "env", "t": "threads"}[key]; verb != "" {
		return doer(m).run(t.pane.Namespace, t.pane.Args([]string{verb}, strconv.Itoa(p.PID))...)
	}
	if key == "k" {
		doer(m).signal(p)
	}
	return nil
}

// signal asks which signal to send, and whether that is meant.
func (m doer) signal(p inspect.Process) {
	if m.locked {
		m.say("read-only: no signal is sent")
		return
	}
	at := m.table.pane.Spot
	m.prompt = &prompt.Prompt{Label: fmt.Sprintf("signal for %d (%s) [TERM]: ", p.PID, output.EscapeLine(p.Name)), Done: func(word string) tea.Cmd {
		if word == "" {
			word = "TERM"
		}
		signal, ok := process.ParseSignal(word)
		if !ok {
			m.say("%q is not a signal", word)
			return nil
		}
		m.ask = &question{fmt.Sprintf("send %s to %d (%s)?", signal, p.PID, output.EscapeLine(p.CommandCell())), func() tea.Cmd {
			return func() tea.Msg {
				text, err := m.does.command(m.ctx, at.Namespace, at.Args([]string{"signal"}, strconv.Itoa(p.PID), signal.String())...)
				return done{text, err}
			}
		}}
		return nil
	}}
}

// rows are the lines of the table that fit.
func (m drawing) tableLines(height int) []string {
	t := m.table
	t.top = max(0, min(t.top, t.at, len(t.items)-height+1), t.at-height+2)
	lines := []string{m.paint(output.Bold, output.Fit(fmt.Sprintf("%7s %-9s %s %6s %6s %8s %s", "PID", "USER", "S", "%CPU", "RSS", "TIME", "COMMAND"), m.width))}
	for i := t.top; i < len(t.items) && len(lines) < height; i++ {
		p := t.items[i]
		line := output.Fit(fmt.Sprintf("%7d %-9s %s %6s %6s %8s %s", p.PID, output.Fit(output.EscapeLine(p.UserCell()), 9), output.EscapeLine(p.State),
			p.CPUCell(), output.HumanBytes(p.RSS), p.TimeCell(), output.EscapeLine(p.CommandCell())), m.width)
		if i == t.at {
			line = output.Selected.On(line)
		}
		lines = append(lines, line)
	}
	return lines
}
