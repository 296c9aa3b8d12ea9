// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A model is what is on the screen (bubbletea's word). It asks by commands, whose answers come as messages: nothing here waits.
type model struct {
	ctx context.Context //nolint:containedctx // commands have no other
	// panes are the pod's and the other one, which is this machine's or another pod's; with both they stand beside each other,
	// otherwise a preview stands beside the first.
	panes [2]*pane
	focus int
	both  bool
	does  deeds
	later func(time.Duration, tea.Msg) tea.Cmd
	home  string // the namespace of the command line
	// visited are the panes of spots that were opened, which keep their place.
	visited map[spot]*pane
	desktop *pane // this machine's
	locked  bool  // nothing is written

	width, height int
	colored       bool

	preview preview
	viewer  *viewer
	table   *table
	side    switcher
	help    bool
	ask     *question
	prompt  *prompt
	work    *work

	status string
	alarm  bool
	lost   bool // the connection is; it is tried again
}

// What a model does, by what it is about.
type (
	finder   struct{ *model } // directories and files
	keyboard struct{ *model } // keys and the mouse
	doer     struct{ *model } // what is done with files and processes
	drawing  struct{ *model } // the parts of a screen
	mover    struct{ *model } // going to other pods, containers and processes
)

// deeds are what a screen does beyond looking.
type deeds struct {
	// command runs a command line of this tool in a namespace, and gives what it prints.
	command func(ctx context.Context, namespace string, args ...string) (string, error)
	// terminal runs one that needs the terminal.
	terminal func(namespace string, args ...string) tea.Cmd
	// copy copies a file or directory as cp does.
	copy func(ctx context.Context, from, to files.End, bar *output.Progress) error
	// open opens a spot, and replica another pod of the same workload.
	open, replica func(context.Context, spot) (opened, error)
	// pods lists the pods of a namespace.
	pods func(ctx context.Context, namespace string) ([]pick.Row, error)
}

// What a command has found out.
type (
	listed struct {
		pane *pane
		dir  string
		listing
		err error
	}
	stamped struct {
		pane  *pane
		dir   string
		stamp time.Time
		err   error
	}
	looked struct {
		pane *pane
		key  string
		fileHead
		names []item
		err   error
	}
	learned struct {
		pane *pane
		err  error
	}
	tick  struct{}
	retry struct {
		pane  *pane
		dir   string
		renew bool
	}
)

const (
	// pulse is how often a directory on the screen is looked at again, pause how long a lost connection is left alone.
	pulse = 3 * time.Second
	pause = 2 * time.Second
)

// Init asks for the first directory.
func (m *model) Init() tea.Cmd {
	cmds := []tea.Cmd{finder{m}.list(m.panes[0], m.panes[0].dir), m.later(pulse, tick{})}
	if m.panes[1] != nil && m.both {
		cmds = append(cmds, finder{m}.list(m.panes[1], m.panes[1].dir))
	}
	return tea.Batch(cmds...)
}

// later sends a message after a while.
func later(wait time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(wait, func(time.Time) tea.Msg { return msg })
}

// pane is the one that keys are about.
func (m *model) pane() *pane { return m.panes[m.focus] }

// Update takes what has happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd = keyboard{m}.key(msg)
	case tea.MouseClickMsg:
		cmd = keyboard{m}.click(msg.Mouse())
	case tea.MouseWheelMsg:
		keyboard{m}.wheel(msg.Mouse())
	case listed:
		cmd = finder{m}.take(msg)
	case stamped:
		cmd = finder{m}.check(msg)
	case retry:
		switch {
		case msg.renew:
			cmd = mover{m}.renew(msg.pane)
		case msg.pane.coming == "":
			cmd = finder{m}.list(msg.pane, msg.dir)
		}
	case tick:
		cmd = tea.Batch(m.later(pulse, tick{}), finder{m}.again())
	case looked:
		m.preview.take(msg)
		if cut(msg.err) || ended(msg.err) {
			cmd = finder{m}.miss(msg.pane, msg.pane.dir, msg.err)
		}
	case learned:
		if msg.err == nil {
			clear(msg.pane.kept)
			cmd = finder{m}.list(msg.pane, msg.pane.dir)
		}
	default:
		cmd = doer{m}.other(msg)
	}
	return m, tea.Batch(cmd, finder{m}.peek())
}

// list asks for a directory.
func (m finder) list(p *pane, dir string) tea.Cmd {
	p.coming = dir
	return func() tea.Msg {
		l, err := p.place.list(m.ctx, dir)
		return listed{p, dir, l, err}
	}
}

// open goes to a directory and, once it is there, to a name in it. What is kept of it is shown at once and looked at again.
func (m finder) open(p *pane, dir, name string) tea.Cmd {
	p.lasts[p.dir] = p.name()
	p.want = name
	if l, ok := p.kept[dir]; ok {
		p.coming = ""
		p.show(l)
		return m.stamp(p)
	}
	return m.list(p, dir)
}

// show asks for a pane's directory, or whether it is as it was.
func (m finder) show(p *pane) tea.Cmd {
	switch {
	case p.coming != "":
		return nil
	case p.all.path == "":
		return m.list(p, p.dir)
	}
	return m.stamp(p)
}

// stamp asks whether a directory is as it was.
func (m finder) stamp(p *pane) tea.Cmd {
	dir := p.dir
	p.stamping = true
	return func() tea.Msg {
		at, err := p.place.stamp(m.ctx, dir)
		return stamped{p, dir, at, err}
	}
}

// again looks at what is on the screen, if nothing is being asked.
func (m finder) again() tea.Cmd {
	if m.lost || m.work != nil {
		return nil
	}
	var cmds []tea.Cmd
	for _, p := range m.panes {
		if p != nil && p.coming == "" && !p.stamping && (m.both || p == m.pane()) {
			cmds = append(cmds, m.stamp(p))
		}
	}
	if m.table != nil {
		cmds = append(cmds, doer(m).runs())
	}
	if shown(m.model) {
		cmds = append(cmds, mover(m).ask(false))
	}
	return tea.Batch(cmds...)
}

func (m finder) check(s stamped) tea.Cmd {
	s.pane.stamping = false
	switch {
	case s.dir != s.pane.dir || s.pane.coming != "":
		return nil
	case s.err != nil:
		return m.miss(s.pane, s.dir, s.err)
	case m.lost:
		m.lost = false
		m.say("connected again")
	}
	if s.stamp.Equal(s.pane.all.stamp) {
		return nil
	}
	return m.list(s.pane, s.dir)
}

// take shows a directory. The first one that comes of a container has the screen find out when that was started.
func (m finder) take(l listed) tea.Cmd {
	if l.dir != l.pane.coming {
		return nil
	}
	l.pane.coming = ""
	if l.err != nil {
		return m.miss(l.pane, l.dir, l.err)
	}
	if m.lost {
		m.lost = false
		m.say("connected again")
	}
	l.pane.show(l.listing)
	if h, ok := l.pane.place.(host); ok && !l.pane.learned {
		l.pane.learned = true
		return func() tea.Msg { return learned{l.pane, h.start(m.ctx)} }
	}
	return nil
}

// miss says why a directory did not come. A lost connection is tried again, and a container that has ended is opened again; a
// directory that is gone leads up.
func (m finder) miss(p *pane, dir string, err error) tea.Cmd {
	m.alarmed(fmt.Errorf("open %s: %w", remote.Escape(dir), err))
	switch {
	case m.ctx.Err() != nil:
		return nil
	case ended(err):
		return mover(m).renew(p)
	case cut(err):
		return m.later(pause, retry{pane: p, dir: dir})
	case notThere(err) && dir == p.dir && dir != "/":
		delete(p.kept, dir)
		return m.open(p, above(dir), "")
	}
	return nil
}

// alarmed shows an error.
func (m *model) alarmed(err error) {
	if err == nil || m.ctx.Err() != nil {
		return
	}
	if ended(err) {
		m.lost = true
		m.status, m.alarm = output.EscapeLine(err.Error())+"; opening it again", true
		return
	}
	if cut(err) {
		m.lost = true
		m.status, m.alarm = "connection lost; trying again", true
		return
	}
	var cause *fs.PathError
	if errors.As(err, &cause) && cause.Path == "" {
		err = cause.Err
	}
	m.status, m.alarm = output.EscapeLine(err.Error()), true
}

// say shows what has become of something.
func (m *model) say(format string, args ...any) {
	m.status, m.alarm = output.EscapeLine(fmt.Sprintf(format, args...)), false
}
