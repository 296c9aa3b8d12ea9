// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// done is what has become of a command that shows nothing.
type done struct {
	text string
	err  error
}

// returned says that a command gave the terminal back.
type returned struct{ err error }

// other takes the messages of what does something.
func (m doer) other(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case viewed:
		m.viewed(msg)
	case followed:
		return finder(m).follow(msg)
	case ran:
		return m.ran(msg)
	case done:
		m.say("%s", lastLine(msg.text))
		m.alarmed(msg.err)
	case returned:
		m.alarmed(msg.err)
		return finder(m).refresh(m.pane())
	case progressed:
		if m.work != nil {
			return m.later(glance, progressed{})
		}
	case copied:
		return m.arrived(msg)
	case compared:
		msg.mark(m)
	case completed:
		msg.complete(m.model)
	default:
		return mover(m).other(msg)
	}
	return nil
}

// ran shows what runs in a container, where that is on the screen.
func (m doer) ran(r ran) tea.Cmd {
	if m.table != nil && m.table.pane == r.pane {
		m.table.take(r)
	}
	if r.err == nil {
		m.side.TakeProcesses(r.pane.Spot, r.items)
	}
	if shown(m.model) {
		m.side.Arrange(here(m.model))
	}
	switch {
	case !onScreen(m.model, r.pane):
	case place.Cut(r.err) || place.Ended(r.err):
		return listener(m).miss(r.pane, r.pane.Dir, r.err)
	default:
		m.alarmed(r.err)
	}
	return nil
}

// arrived says what was copied, and shows it where it went.
func (m doer) arrived(c copied) tea.Cmd {
	m.work = nil
	m.say("copied %s (%s) to %s, verified", output.Plural(int(c.entries), "entry", "entries"), output.HumanBytes(c.bytes), remote.Escape(c.to))
	if c.err == nil && c.from.Dir == c.in {
		for _, name := range c.names {
			delete(c.from.Marked, name)
		}
	}
	m.alarmed(c.err)
	if clear(c.pane.Kept); c.pane.All.Path == "" {
		return nil
	}
	return finder(m).refresh(c.pane)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// edit opens a file in the user's editor, as fs edit does.
func (m doer) edit() tea.Cmd {
	p := m.pane()
	it, ok := p.Item()
	switch {
	case !ok || it.IsDir() || it.Real != "":
		return nil
	case p.Local():
		m.say("only files of a pod are edited")
		return nil
	case m.locked:
		m.say("read-only: no file is edited")
		return nil
	}
	name := p.Path()
	m.ask = &question{"edit " + remote.Escape(name) + " of the pod?", func() tea.Cmd {
		var words []string
		if p.PID != 0 {
			words = append(words, strconv.Itoa(p.PID))
		}
		return m.does.terminal(p.Namespace, p.Args([]string{"fs", "edit"}, append(words, name)...)...)
	}}
	return nil
}

// diff shows what differs between a file or directory and that of the same name on the other side.
func (m doer) diff() tea.Cmd {
	p, other := m.pane(), m.panes[1-m.focus]
	chosen := p.Chosen()
	if len(chosen) != 1 || chosen[0].Real != "" {
		return nil
	}
	here := p.Full(chosen[0])
	with, there := other.Spot, here
	switch {
	case !m.both && other.Local() && p.replica != nil:
		with = p.replica.Spot
	case other.Dir == place.Deleted && p.Local():
		return nil
	case p.Local() || other.Local():
		there = path.Join(other.Dir, chosen[0].Name)
	}
	sides, names := []place.Spot{p.Spot, with}, []string{here, there}
	if m.focus == 1 {
		slices.Reverse(sides)
		slices.Reverse(names)
	}
	var containers []string
	for _, s := range sides {
		if !s.Local() && !slices.Contains(containers, s.Container) {
			containers = append(containers, s.Container)
		}
	}
	return m.run(m.home, "fs", "diff", sides[0].Word(m.home, names[0]), sides[1].Word(m.home, names[1]), "-u", "-c", strings.Join(containers, ","))
}

// A work is a copy that runs.
type work struct {
	cancel context.CancelFunc
	all    int
	now    atomic.Pointer[part]
}

// A part is the entry that is being copied.
type part struct {
	number int
	name   string
	began  time.Time
	bar    output.Progress
}

type (
	progressed struct{}
	copied     struct {
		entries, bytes int64
		from, pane     *pane
		in, to         string
		names          []string
		err            error
	}
)

const glance = 200 * time.Millisecond

// copies asks whether to copy what is marked into the directory on the other side.
func (m doer) copies() tea.Cmd {
	from, to := m.pane(), m.panes[1-m.focus]
	chosen := from.Chosen()
	switch {
	case m.work != nil:
		m.say("a copy runs already")
		return nil
	case len(chosen) == 0 || to.Dir == place.Deleted:
		return nil
	case m.locked && !to.Local():
		m.say("read-only: nothing is copied into a pod")
		return nil
	case from.Local() && to.Local():
		return nil
	}
	what := chosen[0].Shown
	if len(chosen) > 1 {
		what = fmt.Sprintf("%d entries", len(chosen))
	}
	// The user may go elsewhere while it runs.
	in, dest, sources, names := from.Dir, to.Dir, make([]string, len(chosen)), make([]string, len(chosen))
	for i, it := range chosen {
		sources[i], names[i] = from.Full(it), it.Name
	}
	m.ask = &question{fmt.Sprintf("copy %s to %s of %s?", what, remote.Escape(dest), output.EscapeLine(to.title)), func() tea.Cmd {
		ctx, cancel := context.WithCancel(m.ctx)
		w := &work{cancel: cancel, all: len(chosen)}
		m.work = w
		return tea.Batch(m.later(glance, progressed{}), func() tea.Msg {
			defer cancel()
			c := copied{from: from, pane: to, in: in, to: dest, names: names}
			for i, it := range chosen {
				now := &part{number: i + 1, name: it.Shown, began: time.Now()}
				w.now.Store(now)
				err := m.does.copy(ctx, from.End(sources[i]), to.End(placeOf(dest, it)), &now.bar)
				switch {
				case err != nil && ctx.Err() != nil:
					c.err = fmt.Errorf("canceled: %s was not copied; %s before it", it.Shown, output.Plural(int(c.entries), "entry was", "entries were"))
					return c
				case err != nil:
					c.err = fmt.Errorf("copy %s: %w", it.Shown, err)
					return c
				}
				c.entries++
				c.bytes += now.bar.Done()
			}
			return c
		})
	}}
	return nil
}

// placeOf is where an item goes: into a directory, where one without a name gets that by which it was listed.
func placeOf(dir string, it place.Item) string {
	if it.Real != "" {
		return path.Join(dir, it.Name)
	}
	return strings.TrimSuffix(dir, "/") + "/"
}

// String is a line about the copy.
func (w *work) String() string {
	p := w.now.Load()
	if p == nil {
		return "copying"
	}
	line := "copying " + p.name
	if w.all > 1 {
		line = fmt.Sprintf("copying %d of %d, %s", p.number, w.all, p.name)
	}
	return line + ": " + p.bar.Line(time.Since(p.began))
}
