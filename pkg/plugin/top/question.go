// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A question asks for the process and the signal of k, one after the other, and whether that is meant.
type question struct {
	typed   string
	usual   string
	process *inspect.Process
	signal  process.Signal
}

func newQuestion(m *model) *question {
	if p, ok := m.process(); ok {
		return &question{usual: strconv.Itoa(p.PID)}
	}
	return nil
}

func (q *question) String() string {
	switch {
	case q.process == nil:
		return fmt.Sprintf("PID to signal [%s]: %s", q.usual, q.typed)
	case q.signal == 0:
		return fmt.Sprintf("signal for %d (%s) [%s]: %s", q.process.PID, q.process.Name, q.usual, q.typed)
	default:
		return fmt.Sprintf("send %s to %d (%s)? [y/N] ", q.signal, q.process.PID, q.process.CommandCell())
	}
}

// answer takes a key for the question. Escape, and any key but y at its end, forgets it.
func (m *model) answer(msg tea.KeyPressMsg) tea.Cmd {
	q, key := m.ask, msg.String()
	switch {
	case key == "esc":
		m.ask = nil
	case q.signal != 0:
		m.ask = nil
		if key == "y" || key == "Y" {
			return m.source.send(*q.process, q.signal)
		}
		m.status = "nothing was sent"
	case key == "enter":
		m.status = m.next()
	case key == "backspace":
		q.typed = q.typed[:max(0, len(q.typed)-1)]
	case len(q.typed) < longestAnswer && len(msg.Text) == 1 && strings.Trim(msg.Text, "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == "":
		q.typed += msg.Text
	}
	return nil
}

const longestAnswer = 20

// next takes what was typed, and says why it does not do.
func (m *model) next() string {
	q := m.ask
	word := cmp.Or(q.typed, q.usual)
	q.typed = ""
	if q.process == nil {
		i := slices.IndexFunc(m.Items, func(p inspect.Process) bool { return strconv.Itoa(p.PID) == word })
		if i < 0 {
			m.ask = nil
			return "process " + word + " not found"
		}
		p := m.Items[i]
		q.process, q.usual = &p, "TERM"
		return ""
	}
	signal, ok := process.ParseSignal(word)
	if !ok {
		m.ask = nil
		return fmt.Sprintf("%q is not a signal", word)
	}
	q.signal = signal
	return ""
}
