// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// live updates the screen until the user has seen enough, the session ends, or a signal comes.
func live(ctx context.Context, deps *cli.Deps, opts *options) (err error) {
	t, err := opts.Resolve(ctx, deps)
	if err != nil {
		return err
	}
	l, err := inspect.Open(ctx, deps, &opts.Args, t, podspec.ReadRoot)
	if err != nil {
		return err
	}
	defer l.Close(ctx, &err)
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &source{ctx: asking, look: l, gauge: newGauge(l), opts: opts, runner: l.Runner()}
	m := &model{
		source: s, sortBy: opts.sortBy, colored: deps.Report.Colored(deps.Streams.Out),
		pod: l.Pod, container: l.Target.Container,
	}
	// Signals end ctx, as for every command.
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(deps.Streams.In), tea.WithOutput(deps.Streams.Out), tea.WithoutSignalHandler())
	_, err = p.Run()
	cancel()
	s.mu.Lock() // nobody asks any more
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("show the screen: %w", err)
	}
	if m.line != "" {
		deps.Report.Say("try: %s", m.line)
	}
	return m.failed
}

// A source is where the numbers come from, and where signals go.
type source struct {
	mu    sync.Mutex
	ctx   context.Context
	look  *inspect.Look
	gauge *gauge
	opts  *options
	asked bool
	// runner is for signals, which do not wait for the numbers.
	runner remote.Runner
}

// A reading is what the source says.
type reading struct {
	found
	err error
}

// read waits, from the second time on, and asks.
func (s *source) read() tea.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.asked
	s.asked = true
	if !first {
		if err := inspect.Wait(s.ctx, s.opts.interval); err != nil {
			return reading{err: err}
		}
		if err := s.look.Again(s.ctx, &s.opts.Args); err != nil {
			return reading{err: err}
		}
	}
	all, err := s.gauge.read(s.ctx, s.look)
	if first {
		for i := range all.Items {
			all.Items[i].CPUPercent = nil // it would be of another time than all that follow
		}
	}
	return reading{all, err}
}

// A sent is what became of a signal, in words.
type sent string

// send sends a signal.
func (s *source) send(p inspect.Process, signal process.Signal) tea.Cmd {
	return func() tea.Msg {
		if p.PID == 1 && !p.Catches(int(signal)) {
			return sent(fmt.Sprintf("process 1 has no handler for %s, so the kernel would drop it; nothing was sent", signal))
		}
		if err := process.Kill(s.ctx, s.runner, p.Process.Process, signal); err != nil {
			return sent(fmt.Sprintf("send %s to process %d: %v", signal, p.PID, err))
		}
		return sent(fmt.Sprintf("sent %s to process %d (%s)", signal, p.PID, p.Name))
	}
}

// A model is what is on the screen (bubbletea's word).
type model struct {
	source        *source
	pod           string
	container     string
	colored       bool
	width, height int

	found
	measured bool
	sortBy   string
	// selected is the PID of the process that keys are about, and top the first row that is shown.
	selected, top int
	help          bool
	ask           *question
	status        string
	// line is a command for afterwards.
	line   string
	misses int
	failed error
}

// mostMisses is after how many failures in a row there is nothing more to show.
const mostMisses = 3

// Init asks for the first numbers.
func (m *model) Init() tea.Cmd { return m.source.read }

// Update takes what has happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case sent:
		m.status = string(msg)
	case reading:
		return m, m.take(msg)
	case tea.KeyPressMsg:
		return m, m.key(msg)
	}
	return m, nil
}

// take shows new numbers, and asks for the next ones.
func (m *model) take(r reading) tea.Cmd {
	if r.err != nil {
		if m.misses++; m.misses >= mostMisses || errors.Is(r.err, context.Canceled) {
			m.failed = r.err
			return tea.Quit
		}
		m.status = r.err.Error()
		return m.source.read
	}
	if m.misses > 0 {
		m.misses, m.status = 0, ""
	}
	m.found, m.measured = r.found, true
	m.sort()
	return m.source.read
}

// sort puts the processes in order. The one that is selected stays so, and the first is where it is gone.
func (m *model) sort() {
	inspect.Sort(m.Items, m.sortBy)
	if m.index() < 0 && len(m.Items) > 0 {
		m.selected = m.Items[0].PID
	}
}

func (m *model) index() int {
	return slices.IndexFunc(m.Items, func(p inspect.Process) bool { return p.PID == m.selected })
}

// process is the one that is selected.
func (m *model) process() (inspect.Process, bool) {
	i := m.index()
	if i < 0 {
		return inspect.Process{}, false
	}
	return m.Items[i], true
}

// key does what a key means.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	switch {
	case key == "ctrl+c":
		return tea.Quit
	case key == "ctrl+z":
		return tea.Suspend
	case m.ask != nil:
		return m.answer(msg)
	case m.help:
		m.help = false
		return nil
	}
	m.status = ""
	if by, moves := map[string]int{"up": -1, "down": 1, "pgup": -rows(m), "pgdown": rows(m), "home": -len(m.Items), "end": len(m.Items)}[key]; moves {
		m.move(by)
		return nil
	}
	if by, sorts := map[string]string{"P": "cpu", "M": "memory", "T": "time", "F": "fds", "N": "pid"}[key]; sorts {
		m.sortBy, m.top = by, 0
		m.sort()
		return nil
	}
	switch key {
	case "q":
		return tea.Quit
	case "?", "h":
		m.help = true
	case "k":
		m.ask = newQuestion(m)
	case "l":
		if p, ok := m.process(); ok {
			m.line = fmt.Sprintf("kubectl shareproc lsof %s -c %s %d", m.pod, m.container, p.PID)
			m.status = m.line + "   (printed again when you quit)"
		}
	}
	return nil
}

func (m *model) move(by int) {
	if i := m.index(); i >= 0 {
		m.selected = m.Items[max(0, min(i+by, len(m.Items)-1))].PID
	}
}

// paint gives a text a style where there are colors.
func paint(m *model, s output.Style, text string) string {
	if !m.colored {
		return text
	}
	return s.On(text)
}
