// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/switcher"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
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
	visited map[place.Spot]*pane
	desktop *pane // this machine's
	locked  bool  // nothing is written

	width, height int
	colored       bool

	preview preview
	viewer  *pager.Pager
	table   *table
	side    switcher.Switcher
	opening *opening // a spot; nil for none
	help    bool
	ask     *question
	prompt  *prompt.Prompt
	work    *work

	status string
	alarm  bool
	lost   *pane // whose connection is; it is tried again
}

// What a model does, by what it is about.
type (
	finder   struct{ *model } // directories and files
	listener struct{ *model } // what has come of them
	keyboard struct{ *model } // keys and the mouse
	doer     struct{ *model } // what is done with files and processes
	drawing  struct{ *model } // the parts of a screen
	mover    struct{ *model } // the switcher, and going elsewhere
	opener   struct{ *model } // pods, containers and processes that are opened
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
	open, replica func(context.Context, place.Spot) (place.Opened, error)
	// pods lists the pods of a namespace.
	pods func(ctx context.Context, namespace string) ([]pick.Row, error)
	// namespaces names those that the user may list.
	namespaces func(context.Context) ([]string, error)
}

// What a command has found out.
type (
	listed struct {
		pane *pane
		turn int // of the pane, when it was asked
		place.Listing
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
		place.Head
		names []place.Item
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
	cmds := []tea.Cmd{finder{m}.list(m.panes[0], m.panes[0].Dir), m.later(pulse, tick{})}
	if m.panes[1] != nil && m.both {
		cmds = append(cmds, finder{m}.list(m.panes[1], m.panes[1].Dir))
	}
	return tea.Batch(cmds...)
}

// later sends a message after a while.
func later(wait time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(wait, func(time.Time) tea.Msg { return msg })
}

// pane is the one that keys are about.
func (m *model) pane() *pane { return m.panes[m.focus] }

// onScreen reports whether a pane is there. What is heard of another one comes too late.
func onScreen(m *model, p *pane) bool { return p == m.panes[0] || p == m.panes[1] }

// Update takes what has happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd = keyboard{m}.key(msg)
	case tea.PasteMsg:
		if m.prompt != nil { // without a question a text is no keys
			m.prompt.Paste(msg.Content)
		}
	case tea.MouseClickMsg:
		cmd = keyboard{m}.click(msg.Mouse())
	case tea.MouseWheelMsg:
		keyboard{m}.wheel(msg.Mouse())
	case listed:
		cmd = listener{m}.take(msg)
	case stamped:
		cmd = listener{m}.check(msg)
	case retry:
		cmd = finder{m}.retry(msg)
	case tick:
		cmd = tea.Batch(m.later(pulse, tick{}), finder{m}.again())
	case looked:
		cmd = listener{m}.looked(msg)
	case learned:
		if msg.err == nil {
			clear(msg.pane.Kept)
			cmd = finder{m}.refresh(msg.pane)
		}
	default:
		cmd = doer{m}.other(msg)
	}
	return m, tea.Batch(cmd, finder{m}.peek())
}

func (m finder) retry(msg retry) tea.Cmd {
	switch {
	case msg.pane != m.lost: // it is back, or off the screen
	case msg.renew:
		return opener(m).renew(msg.pane)
	case msg.pane.coming == "":
		return m.list(msg.pane, msg.dir)
	}
	return nil
}

// list asks for a directory.
func (m finder) list(p *pane, dir string) tea.Cmd {
	p.coming = dir
	p.turn++
	turn := p.turn
	return func() tea.Msg {
		l, err := p.place.List(m.ctx, dir)
		return listed{p, turn, l, err}
	}
}

// refresh asks for a pane's directory, or for the one that the user is on the way to.
func (m finder) refresh(p *pane) tea.Cmd { return m.list(p, cmp.Or(p.coming, p.Dir)) }

// open goes to a directory and, once it is there, to a name in it. What is kept of it is shown at once and looked at again.
func (m finder) open(p *pane, dir, name string) tea.Cmd {
	p.Leave(name)
	if l, ok := p.Kept[dir]; ok {
		p.coming = ""
		p.turn++
		p.Show(l)
		return m.stamp(p)
	}
	return m.list(p, dir)
}

// show asks for a pane's directory, or whether it is as it was.
func (m finder) show(p *pane) tea.Cmd {
	switch {
	case p.coming != "":
		return nil
	case p.All.Path == "":
		return m.list(p, p.Dir)
	}
	return m.stamp(p)
}

// stamp asks whether a directory is as it was.
func (m finder) stamp(p *pane) tea.Cmd {
	dir := p.Dir
	p.stamping = true
	return func() tea.Msg {
		at, err := p.place.Stamp(m.ctx, dir)
		return stamped{p, dir, at, err}
	}
}

// again looks at what is on the screen, if nothing is being asked.
func (m finder) again() tea.Cmd {
	if m.lost != nil || m.work != nil {
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

func (m listener) check(s stamped) tea.Cmd {
	s.pane.stamping = false
	switch {
	case s.dir != s.pane.Dir || s.pane.coming != "":
		return nil
	case s.err != nil:
		return m.miss(s.pane, s.dir, s.err)
	}
	m.found(s.pane)
	if s.stamp.Equal(s.pane.All.Stamp) {
		return nil
	}
	return finder(m).list(s.pane, s.dir)
}

// take shows a directory. The first one that comes of a container has the screen find out when that was started.
func (m listener) take(l listed) tea.Cmd {
	if l.turn != l.pane.turn {
		return nil
	}
	dir := l.pane.coming
	l.pane.coming = ""
	if l.err != nil {
		return m.miss(l.pane, dir, l.err)
	}
	m.found(l.pane)
	l.pane.Show(l.Listing)
	if h, ok := l.pane.place.(place.Host); ok && !l.pane.learned {
		l.pane.learned = true
		return func() tea.Msg { return learned{l.pane, h.Start(m.ctx)} }
	}
	return nil
}

// looked shows a preview. One that a lost connection kept from coming is asked for again once there is another one.
func (m listener) looked(l looked) tea.Cmd {
	switch {
	case !onScreen(m.model, l.pane):
		return nil
	case place.Cut(l.err) || place.Ended(l.err):
		m.preview = preview{}
		return m.miss(l.pane, l.pane.Dir, l.err)
	}
	m.preview.take(l)
	return nil
}

// found says that a connection is there again.
func (m listener) found(p *pane) {
	if m.lost == p {
		m.lost = nil
		m.say("connected again")
	}
}

// miss says why a directory did not come. A lost connection is tried again, and a container that has ended is opened again; a
// directory that is gone leads up.
func (m listener) miss(p *pane, dir string, err error) tea.Cmd {
	if m.ctx.Err() != nil || !onScreen(m.model, p) {
		return nil
	}
	p.Want = ""
	err = fmt.Errorf("open %s: %w", place.Shown(dir), err)
	m.alarmed(err)
	switch {
	case place.Ended(err):
		m.lost, m.status = p, m.status+"; opening it again"
		return opener(m).renew(p)
	case place.Cut(err):
		m.lost, m.status = p, "connection lost; trying again"
		return m.later(pause, retry{pane: p, dir: dir})
	case place.NotThere(err) && dir == p.Dir && dir != "/":
		delete(p.Kept, dir)
		return finder(m).open(p, place.Above(dir), "")
	}
	return nil
}

// alarmed shows an error.
func (m *model) alarmed(err error) {
	if err == nil || m.ctx.Err() != nil {
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
