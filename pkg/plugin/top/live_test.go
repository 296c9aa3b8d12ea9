// SPDX-License-Identifier: Apache-2.0

package top

import (
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

func using(pid int, cpu float64, rss int64, name string) inspect.Process {
	return inspect.Process{
		Process: session.Process{Process: process.Process{PID: pid, RSS: rss, Name: name, Args: []string{name}}}, Usage: proc.Usage{CPUPercent: &cpu},
	}
}

// screen is a model of 80x24 with processes, to which keys are typed.
func screen(t *testing.T, keys ...string) (*model, string) {
	t.Helper()
	limit := uint64(100)
	all := found{Summary: &proc.Cgroup{Version: 1, Memory: &proc.Memory{Used: 95, Limit: &limit}}}
	for pid := 1; pid <= 40; pid++ {
		all.Items = append(all.Items, using(pid, float64(pid), int64(1000-pid), "p\x1b[2J"))
	}
	m := &model{source: &source{}, pod: "web", container: "app", sortBy: "cpu", width: 80, height: 24}
	m.Update(reading{found: all})
	for _, key := range keys {
		msg := tea.KeyPressMsg{Text: key, Code: []rune(key)[0]}
		if code, ok := map[string]rune{"enter": tea.KeyEnter, "up": tea.KeyUp, "down": tea.KeyDown, "end": tea.KeyEnd, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace}[key]; ok {
			msg = tea.KeyPressMsg{Code: code}
		}
		m.Update(msg)
	}
	return m, m.View().Content
}

func TestScreenIsAsHighAsTheTerminal(t *testing.T) {
	for _, keys := range [][]string{nil, {"?"}, {"end"}, {"k"}} {
		if _, text := screen(t, keys...); strings.Count(text, "\n") != 23 {
			t.Errorf("%q: %d lines", keys, strings.Count(text, "\n")+1)
		}
	}
}

// A node without swap has no word about it.
func TestMemoryInSwapIsSaidWhereThereIsSome(t *testing.T) {
	none, some := uint64(0), uint64(3<<20)
	for swap, want := range map[*uint64]string{nil: "memory    1.0M (no limit)", &none: "memory    1.0M (no limit)", &some: "memory    1.0M (no limit), in swap 3.0M"} {
		if got := memoryText(&proc.Memory{Used: 1 << 20, Swap: swap}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestKeysSortAndSelect(t *testing.T) {
	for keys, want := range map[string]int{"": 40, "down": 39, "M": 40, "M up": 39, "N": 40, "end": 1} {
		m, text := screen(t, strings.Fields(keys)...)
		if m.selected != want {
			t.Errorf("%q selects %d, want %d", keys, m.selected, want)
		}
		if !strings.Contains(text, "\x1b[7m"+number(&m.selected)+" ") {
			t.Errorf("%q: the process that is selected is not on the screen:\n%s", keys, text)
		}
	}
	if m, _ := screen(t, "N"); m.Items[0].PID != 1 {
		t.Errorf("N puts %d first", m.Items[0].PID)
	}
}

// A target chooses its name: the screen does nothing that it says.
func TestScreenEscapesNames(t *testing.T) {
	for _, keys := range [][]string{nil, {"k", "enter"}, {"k", "enter", "enter"}} {
		if _, text := screen(t, keys...); strings.Contains(text, "\x1b[2J") || !strings.Contains(text, `\x1b[2J`) && !strings.Contains(text, `\033[2J`) {
			t.Errorf("%q: %q", keys, text)
		}
	}
}

func TestSignalsAreAskedFor(t *testing.T) {
	for keys, want := range map[string]string{
		"k":                     "PID to signal [40]: ",
		"k 7 enter":             "signal for 7 (",
		"k 7 8 backspace enter": "signal for 7 (",
		"k 9 9 enter":           "process 99 not found",
		"k enter X enter":       `"X" is not a signal`,
		"k enter H U P enter":   "send HUP to 40 (",
		"k enter enter":         "send TERM to 40 (",
		"k enter enter n":       "nothing was sent",
		"k enter esc":           "q quit",
		"k enter enter enter":   "nothing was sent",
		"l":                     "kubectl shareproc lsof web -c app 40",
	} {
		m, text := screen(t, strings.Fields(keys)...)
		if last := text[strings.LastIndex(text, "\n")+1:]; !strings.HasPrefix(last, want) {
			t.Errorf("%q: %q, want %q (%+v)", keys, last, want, m.ask)
		}
	}
}

// A line that breaks once is said; one that stays broken ends the screen with its error.
func TestScreenEndsWhereNothingAnswers(t *testing.T) {
	m, _ := screen(t)
	broken := errors.New("broken")
	for i := range mostMisses {
		if m.failed != nil {
			t.Fatalf("ended after %d", i)
		}
		m.Update(reading{err: broken})
		if m.status != "broken" && m.failed == nil {
			t.Errorf("status %q", m.status)
		}
	}
	if !errors.Is(m.failed, broken) {
		t.Errorf("ended with %v", m.failed)
	}
}
