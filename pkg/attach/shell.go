// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/client-go/tools/remotecommand"
)

// Shell runs a command with a terminal that is connected to the user's, and waits for its end. The user's terminal is raw
// until then: Ctrl-C, Ctrl-Z and Ctrl-D go to the remote side as bytes. Shell restores it however the session ends, even by a
// panic, and while the process is stopped by SIGTSTP. Signals that should end the session must arrive as the end of ctx.
//
// Errors are those of Run, and ErrNotTerminal. The end of the user's terminal ends the session with io.ErrUnexpectedEOF.
func (e Exec) Shell(ctx context.Context, argv []string, t *Terminal) error {
	to := e.exec(argv, remotecommand.StreamOptions{Stdin: t.in, Stdout: t.out, Tty: true})
	return e.runTerminal(ctx, to, t, func(*terminalSession) {})
}

// runTerminal runs one session. prepare may wrap its input and sizes.
func (e Exec) runTerminal(ctx context.Context, to call, t *Terminal, prepare func(*terminalSession)) error {
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

// terminalSession is the state of one session at the terminal.
type terminalSession struct {
	terminal *Terminal
	raw      *rawMode
	input    io.ReadCloser
	output   *screen
	sizes    *sizeQueue
	unwatch  func()
	release  func()
	// reader and queue are input and sizes as the stream gets them.
	reader io.Reader
	queue  remotecommand.TerminalSizeQueue
}

// begin makes the terminal raw and watches it.
func (t *Terminal) begin(ctx context.Context) (*terminalSession, error) {
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
	s := &terminalSession{
		terminal: t, release: release, raw: raw,
		input: eofAsHangup{input}, output: &screen{to: t.out}, sizes: newSizeQueue(),
	}
	s.reader, s.queue = s.input, s.sizes
	s.unwatch = s.watch(ctx)
	return s, nil
}

// end restores the terminal. The watcher ends first: it could make the terminal raw again.
func (s *terminalSession) end(sane bool) {
	defer s.release()
	defer s.raw.restore()
	s.unwatch()
	s.sizes.close()
	_ = s.input.Close() // It closes only the pipe of this session.
	if display := s.terminal.display(); display != nil {
		s.output.reset(display, !sane)
	}
}

// resized sends the current size.
func (s *terminalSession) resized() {
	if size, ok := s.terminal.remoteSize(); ok {
		s.sizes.push(size)
	}
}

// eofAsHangup turns the end of a raw terminal into an error: Ctrl-D is a byte like others there, so an end is a hangup.
type eofAsHangup struct {
	io.ReadCloser
}

func (e eofAsHangup) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
