// SPDX-License-Identifier: Apache-2.0

// Package remote answers "what is there?" in a container that has no tools: it runs one shell program (sh/*.sh) in a helper
// that has busybox, finds a process, holds its root, and has requests about its files answered until it is closed.
//
// All it needs is a Runner. It knows nothing of Kubernetes, never opens what may block or act when opened (FIFOs, sockets,
// devices), and writes nothing unless it is asked to. Links resolve inside the target's root, absolute ones too. Names,
// link targets and arguments are handed on exactly as the target has them; Escape makes them fit for a terminal.
package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
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

// procDir is where the helper has its processes; tests put a directory of their own in its place.
const procDir = "/proc"

// A conn makes requests, one after the other. It connects when the first one is made, and again where it broke.
type conn struct {
	runner Runner
	proc   string
	ctx    context.Context //nolint:containedctx // the connection outlives the request that it is made for

	mu    sync.Mutex
	link  *link
	holds *Root       // whose root the program holds; nil for none
	stuck atomic.Bool // something has blocked
}

// A request is a verb with its arguments.
type request struct {
	root *Root // that the program has to hold; nil for any
	verb string
	args []string
	// names are paths of the same tree, each without a newline.
	names []string
	// patience bounds how long the verb may take without progress; 0 for as long as any.
	patience time.Duration
	// late gives arguments in front of the others once the connection stands: it may be another one than before.
	late func() []string
}

// encode writes a request down as the program's loop reads it.
func (q request) encode() []byte {
	names := strings.Join(q.names, "\n")
	if names != "" {
		names += "\n"
	}
	b := fmt.Appendf(nil, "%s %d %d\n", q.verb, len(q.args), len(names))
	for _, arg := range q.args {
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

// call makes a request and hands its answer, without the mark, to read, which has to read it to its end. The error is that of
// the program's code if the mark came, otherwise read's own or what broke the connection.
func (c *conn) call(ctx context.Context, q request, read func(*link, *bufio.Reader) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || !c.link.alive() {
		// Who cleans up after an interrupt has a context of its own.
		life := c.ctx //nolint:contextcheck // a connection outlives the request that it is made for
		if life.Err() != nil {
			life = ctx
		}
		var err error
		if c.link, err = connect(life, c.runner); err != nil {
			return err
		}
		if c.holds = nil; c.stuck.Load() {
			c.link.allow(hurry)
		}
	}
	if q.root != nil && c.holds != q.root {
		if err := q.root.open(ctx); err != nil {
			c.drop()
			return err
		}
	}
	if q.patience > 0 {
		defer c.link.allow(c.link.allow(q.patience))
	}
	if q.late != nil {
		q.args = append(q.late(), q.args...)
	}
	usable, err := c.link.converse(ctx, q, read)
	if !usable {
		if errors.Is(err, ErrStuck) {
			c.stuck.Store(true)
		}
		c.drop()
	}
	return err
}

// drop closes a connection that cannot be used any more, or is not.
func (c *conn) drop() {
	if c.link != nil {
		c.link.close()
		c.link = nil
	}
}

// Close ends the program.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
	return nil
}

// converse makes one request. It reports whether another one can be made.
func (l *link) converse(ctx context.Context, q request, read func(*link, *bufio.Reader) error) (usable bool, err error) {
	answer, pipe := newReply(l.mark)
	l.expect(answer, limited(q.verb))
	defer l.expect(nil, false)
	defer answer.end(nil)
	defer context.AfterFunc(ctx, func() { answer.end(context.Cause(ctx)) })()
	if !l.alive() {
		return false, &BrokenError{Cause: l.err, Stderr: l.stderr.String()}
	}
	if err := l.write(q.encode()); err != nil {
		answer.end(err) // of the link's end
	}
	source := &errorReader{r: pipe}
	buffered := bufio.NewReaderSize(source, 64<<10)
	readErr := read(l, buffered)
	whole := false
	switch {
	case readErr == nil:
		readErr = atEnd(buffered)
		whole = readErr == nil
	case errors.Is(readErr, ErrChanged), errors.Is(readErr, ErrRead), errors.Is(readErr, ErrLongLine):
		// That is known at the end of an answer, behind which the next one can come.
		whole = atEnd(buffered) == nil
	}
	code, marked := answer.result()
	pipe.CloseWithError(errors.Join(readErr, io.ErrClosedPipe))
	switch {
	case marked && code == codeMissingTool:
		return true, &MissingToolError{Tool: source.text()}
	case marked && code != 0:
		return q.verb != "put", codeError(code)
	case marked:
		return whole, readErr
	case source.err == nil:
		return false, readErr
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	default:
		return false, source.err
	}
}

// limited reports whether a verb must make progress: others wait for a client, or for a file to grow.
func limited(verb string) bool {
	switch verb {
	case "cgroup", "df", "cwd", "stat", "walk", "names", "facts", "read", "sum", "grep":
		return true
	}
	return false
}

// atEnd reports what follows where nothing should.
func atEnd(r *bufio.Reader) error {
	switch _, err := r.ReadByte(); {
	case err == nil:
		return errors.New("read answer of helper: unexpected data")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// An errorReader remembers why its source ended, to tell a broken answer from a reader that gave up, and how the answer began.
type errorReader struct {
	r     io.Reader
	err   error
	begin []byte
}

func (e *errorReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if room := 32 - len(e.begin); room > 0 {
		e.begin = append(e.begin, p[:min(n, room)]...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}

func (e *errorReader) text() string { return strings.TrimSuffix(string(e.begin), "\x00") }

// number is a decimal number of the answer.
func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read answer of helper: %w", err)
	}
	return n, nil
}
