// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/client-go/tools/remotecommand"
)

// Shell runs a command with a terminal of its own, joined to the user's, and waits for its end. The user's terminal is raw
// meanwhile: Ctrl-C, Ctrl-Z and Ctrl-D go to the remote side as bytes. Its size follows the user's. Whatever ends the
// session, a panic included, the terminal is put back; SIGTSTP puts it back for as long as the process is stopped. Signals
// that should end the session are to arrive as the end of ctx.
//
// Errors are those of Run, and ErrNotTerminal. The end of the user's terminal ends the session with io.ErrUnexpectedEOF.
func (e Exec) Shell(ctx context.Context, argv []string, t *Terminal) error {
	return e.sit(ctx, e.exec(argv, remotecommand.StreamOptions{Stdin: t.in, Stdout: t.out, Tty: true}), t, func(*sitting) {})
}

// sit holds one session at the terminal, with what prepare puts between that and the stream.
func (e Exec) sit(ctx context.Context, to call, t *Terminal, prepare func(*sitting)) error {
	if !t.InputIsTerminal() {
		return fmt.Errorf("%s: %w", to.what, ErrNotTerminal)
	}
	s, err := t.begin(ctx)
	if err != nil {
		return err
	}
	sane := false
	defer func() { s.end(sane) }()
	prepare(s)
	err = e.stream(ctx, to, remotecommand.StreamOptions{
		Stdin:             s.reader,
		Stdout:            s.output,
		Tty:               true,
		TerminalSizeQueue: s.queue,
	})
	var exit *ExitError
	sane = err == nil || errors.As(err, &exit)
	return err
}

// sitting is what one session holds of the terminal.
type sitting struct {
	terminal *Terminal
	raw      *rawMode
	input    io.ReadCloser
	output   *screen
	sizes    *sizeQueue
	unwatch  func()
	release  func()
	// reader and queue are what the stream gets of input and sizes.
	reader io.Reader
	queue  remotecommand.TerminalSizeQueue
}

// begin takes the terminal over.
func (t *Terminal) begin(ctx context.Context) (*sitting, error) {
	release, err := t.takeOver()
	if err != nil {
		return nil, fmt.Errorf("take over terminal: %w", err)
	}
	input, err := t.openInput(ctx)
	if err != nil {
		release()
		return nil, fmt.Errorf("read terminal: %w", err)
	}
	raw, err := t.raw()
	if err != nil {
		err = errors.Join(err, input.Close())
		release()
		return nil, err
	}
	s := &sitting{terminal: t, release: release, raw: raw, input: endless{input}, output: &screen{to: t.out}, sizes: newSizeQueue()}
	s.reader, s.queue = s.input, s.sizes
	s.unwatch = s.watch(ctx)
	return s, nil
}

// end gives the terminal back. The watcher ends first: it could make the terminal raw again.
func (s *sitting) end(sane bool) {
	defer s.release()
	defer s.raw.restore()
	s.unwatch()
	s.sizes.close()
	_ = s.input.Close() // Only the wake-up pipe of this session.
	if display := s.terminal.display(); display != nil {
		s.output.reset(display, !sane)
	}
}

// resized sends the present size.
func (s *sitting) resized() {
	if size, ok := s.terminal.remoteSize(); ok {
		s.sizes.push(size)
	}
}

// endless says that a terminal's end is not the end of its input but its loss: typed, Ctrl-D is a byte like others.
type endless struct {
	io.ReadCloser
}

func (e endless) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
