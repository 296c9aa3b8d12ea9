// SPDX-License-Identifier: Apache-2.0

// Package remote answers "what is on the wire?": one command in a helper that has busybox runs one shell program (sh/*.sh), and is a
// connection, over which requests are made and answered until it is closed. It knows no verb: what is asked, and what is answered,
// is of process (what runs there?), rootfs (what is in the files of one?) and tree (how does a tree come and go?). What they share
// is here: a Stat, errors, texts for a terminal. A Tunnel is an exec of another kind.
//
// It knows nothing of Kubernetes. Names and arguments are handed on exactly as the target has them; Escape makes them fit to print.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:generate go run ./gen

// A Runner runs argv where the processes are visible, and returns when it has ended or ctx is done. A command that
// ends with a status other than 0 returns an error for which errors.As finds an interface{ ExitCode() int }.
//
// stdin stays open as long as the connection is used, with a byte each second; a Runner need not wait for its end.
type Runner interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
}

// A Conn makes requests, one after the other. It connects when the first one is made, and again where it broke.
type Conn struct {
	*shared
	// Proc is where the helper has its processes: /proc.
	Proc string
	// Patience is how long reading may take without a byte or a sign of progress: what was a file may have become a FIFO, and a
	// mount may be dead.
	Patience time.Duration

	giveBack func() // of a connection that was lent; nil for one of its own
}

// shared is what those have in common who use a connection.
type shared struct {
	runner Runner
	ctx    context.Context //nolint:containedctx // the connection outlives the request that it is made for

	mu    sync.Mutex
	link  *Link
	in    *State      // what the program is in; nil for none
	stuck atomic.Bool // something has blocked
}

// A State is what the program is brought into before a request that needs it: it holds one process's root at a time, and none when
// it has just begun.
type State struct {
	// Enter does so. It reports whether the connection can be used behind an error.
	Enter func(ctx context.Context, l *Link) (usable bool, err error)
}

// A Request is a verb with its arguments.
type Request struct {
	State *State // that the program has to be in; nil for any
	Verb  string
	Args  []string
	// Names are paths of the same tree, each without a newline.
	Names []string
	// Reads says that the verb reads what may block, and has to make progress. Others wait for a client, or for a file to grow.
	Reads bool
	// Patience bounds how long it may take without progress, where that is not the connection's.
	Patience time.Duration
	// Payload says that more is sent behind the request, of which an error leaves nobody knows how much on its way.
	Payload bool
	// Late gives arguments in front of the others once the connection stands: it may be another one than before.
	Late func() []string
}

// encode writes a request down as the program's loop reads it.
func (q Request) encode() []byte {
	names := strings.Join(q.Names, "\n")
	if names != "" {
		names += "\n"
	}
	b := fmt.Appendf(nil, "%s %d %d\n", q.Verb, len(q.Args), len(names))
	for _, arg := range q.Args {
		for _, c := range []byte(arg) {
			// What a shell might take for something of its own goes as printf's %b reads it.
			if c < ' ' || c == '\\' || c > '~' {
				b = fmt.Appendf(b, `\0%03o`, c)
			} else {
				b = append(b, c)
			}
		}
		b = append(b, '\n')
	}
	return append(b, names...)
}

// Connect returns a Conn, which lives as long as ctx and until Close.
func Connect(ctx context.Context, r Runner) *Conn {
	return &Conn{shared: &shared{runner: r, ctx: ctx}, Proc: "/proc", Patience: patience}
}

// Lend returns the same connection for somebody whose Close only calls giveBack.
func (c *Conn) Lend(giveBack func()) *Conn {
	lent := *c
	lent.giveBack = giveBack
	return &lent
}

// Ask makes a request and hands its answer, without the mark, to read, which has to read it to its end. The error is that of
// the program's code if the mark came, otherwise read's own or what broke the connection.
func (c *Conn) Ask(ctx context.Context, q Request, read func(*Answer) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.connect(ctx); err != nil {
		return err
	}
	if q.State != nil && c.in != q.State {
		if err := c.enter(ctx, q.State); err != nil {
			return err
		}
	}
	if q.Reads && q.Patience == 0 {
		if q.Patience = c.Patience; c.stuck.Load() {
			q.Patience = min(hurry, c.Patience)
		}
	}
	if q.Late != nil {
		q.Args = append(q.Late(), q.Args...)
	}
	usable, err := c.link.Ask(ctx, q, read)
	if !usable {
		if errors.Is(err, ErrStuck) {
			c.stuck.Store(true)
		}
		c.drop()
	}
	return err
}

// Enter brings the program into a state, again if it is in it.
func (c *Conn) Enter(ctx context.Context, s *State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.connect(ctx); err != nil {
		return err
	}
	return c.enter(ctx, s)
}

// Stuck reports whether something has blocked.
func (c *Conn) Stuck() bool { return c.stuck.Load() }

// Close ends the program, or gives back a connection that was lent.
func (c *Conn) Close() error {
	if c.giveBack != nil {
		c.giveBack()
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
	return nil
}

// connect makes a connection where there is none that can be used.
func (s *shared) connect(ctx context.Context) (err error) {
	if s.link != nil && s.link.alive() {
		return nil
	}
	// Who cleans up after an interrupt has a context of its own.
	life := s.ctx //nolint:contextcheck // a connection outlives the request that it is made for
	if life.Err() != nil {
		life = ctx
	}
	s.in = nil
	s.link, err = connect(life, s.runner)
	return err
}

func (s *shared) enter(ctx context.Context, to *State) error {
	s.in = nil
	usable, err := to.Enter(ctx, s.link)
	switch {
	case err == nil:
		s.in = to
	case !usable:
		s.drop()
	}
	return err
}

// drop closes a connection that cannot be used any more, or is not.
func (s *shared) drop() {
	if s.link != nil {
		s.link.close()
		s.link = nil
	}
}
