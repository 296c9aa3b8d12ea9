// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// How a script and its client talk, once, for every question:
//
// A nil error from a stream is no proof that all of it arrived, and sizes in /proc and /sys lie. So the client sends
// a random mark on stdin, where no process of the target can read it, and the script ends its answer with NUL, that
// mark and its code. An answer without its mark is io.ErrUnexpectedEOF, whatever the Runner said.
//
// A runtime may drop the tail of what a process wrote before it ended. So the script then waits for the end of its
// stdin, which the client closes once it has seen the mark.
//
// Until then stdin carries an empty line each second: a local Runner whose command ended early learns of it by
// writing, instead of waiting for a reader that waits for it.
const (
	heartbeat = time.Second
	// How long a Runner has to return once nothing is expected of it any more.
	settleTime = 2 * time.Second
	stderrKept = 2048
)

// A cutError is an answer that did not reach its mark.
type cutError struct {
	cause  error // what the Runner returned, if anything
	stderr string
}

func (e *cutError) Error() string {
	text := "read answer of helper: cut short"
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	if e.stderr != "" {
		text += ": " + Escape(e.stderr)
	}
	return text
}

func (e *cutError) Unwrap() []error {
	if e.cause == nil {
		return []error{io.ErrUnexpectedEOF}
	}
	return []error{io.ErrUnexpectedEOF, e.cause}
}

// ask runs a script and hands its answer, without the mark, to read, which has to read it to its end. The error is
// the script's code if the mark came, otherwise read's own or what cut the answer short.
func ask(ctx context.Context, r Runner, script string, args []string, read func(*bufio.Reader) error) error {
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pipeReader, pipeWriter := io.Pipe()
	answer := &markWriter{mark: newMark(), out: pipeWriter, done: make(chan struct{})}
	defer answer.end(nil)
	defer context.AfterFunc(ctx, func() { answer.end(context.Cause(ctx)) })()

	ran := make(chan struct{})
	go func() {
		defer close(ran)
		var stderr tailBuffer
		argv := append([]string{"sh", "-c", script, "sh"}, args...)
		err := r.Run(ctx, argv, &handshake{line: []byte(answer.mark + "\n"), done: answer.done}, answer, &stderr)
		answer.end(&cutError{cause: missingShell(err), stderr: stderr.String()})
	}()

	source := &errorReader{r: pipeReader}
	buffered := bufio.NewReaderSize(source, 64<<10)
	readErr := read(buffered)
	if readErr == nil {
		readErr = atEnd(buffered)
	}
	pipeReader.CloseWithError(errors.Join(readErr, io.ErrClosedPipe))
	answer.end(readErr)
	settle(ran, cancel)

	code, marked := answer.result()
	switch {
	case marked && code != codeOK:
		return codeError(code)
	case marked || source.err == nil:
		return readErr
	case caller.Err() != nil:
		return context.Cause(caller)
	default:
		return source.err
	}
}

// settle waits for the Runner to return, and gives it up where it does not.
func settle(ran <-chan struct{}, cancel func()) {
	for range 2 {
		select {
		case <-ran:
			return
		case <-time.After(settleTime):
			cancel()
		}
	}
}

// atEnd reports what follows where nothing should.
func atEnd(r *bufio.Reader) error {
	switch _, err := r.ReadByte(); {
	case err == nil:
		return errors.New("read answer of helper: more than was asked")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// missingShell recognises the status of a shell that could not be started (POSIX: 126 and 127).
func missingShell(err error) error {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127) {
		return fmt.Errorf("%w: %w", &MissingToolError{Tool: "sh"}, err)
	}
	return err
}

func newMark() string { return rand.Text() }

// A markWriter passes an answer on up to its mark.
type markWriter struct {
	mark string
	out  *io.PipeWriter
	done chan struct{} // closed at the mark, or when nobody wants the answer any more

	mu     sync.Mutex
	held   []byte // the end of what came: it may be the mark
	ended  bool
	code   int
	marked bool
}

// Write never keeps more than a mark's length back.
func (w *markWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return 0, io.ErrClosedPipe
	}
	free := w.pass(p)
	code, marked := w.parse()
	w.mu.Unlock()

	for _, part := range free {
		if _, err := w.out.Write(part); err != nil {
			return 0, err
		}
	}
	if marked {
		w.mu.Lock()
		w.code, w.marked = code, true
		w.mu.Unlock()
		w.end(nil)
	}
	return len(p), nil
}

// pass splits what is held and p into what cannot belong to the mark and the new held part.
func (w *markWriter) pass(p []byte) [][]byte {
	length := len(w.mark) + len("\x00000\n")
	if len(p) >= length {
		before := w.held
		w.held = bytes.Clone(p[len(p)-length:])
		return [][]byte{before, p[:len(p)-length]}
	}
	all := append(bytes.Clone(w.held), p...)
	cut := max(0, len(all)-length)
	w.held = all[cut:]
	return [][]byte{all[:cut]}
}

// parse reads the held part as NUL, mark, three digits, newline.
func (w *markWriter) parse() (code int, ok bool) {
	rest, ok := bytes.CutPrefix(w.held, append([]byte{0}, w.mark...))
	if !ok || len(rest) != 4 || rest[3] != '\n' {
		return 0, false
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		code = code*10 + int(c-'0')
	}
	return code, true
}

// end closes the answer, once: with err, or at its mark.
func (w *markWriter) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.ended = true
	if w.marked {
		err = nil
	} else if err == nil {
		err = io.ErrUnexpectedEOF
	}
	w.out.CloseWithError(err)
	close(w.done)
}

func (w *markWriter) result() (code int, marked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.code, w.marked
}

// A handshake is the client's side of the script's stdin.
type handshake struct {
	line []byte
	done <-chan struct{}
}

// Read gives the mark, then empty lines, then the end.
func (h *handshake) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(h.line) > 0 {
		n := copy(p, h.line)
		h.line = h.line[n:]
		return n, nil
	}
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	select {
	case <-h.done:
		return 0, io.EOF
	case <-beat.C:
		p[0] = '\n'
		return 1, nil
	}
}

// An errorReader remembers why its source ended: to tell a cut answer from a reader that gave up.
type errorReader struct {
	r   io.Reader
	err error
}

func (e *errorReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}

// A tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if extra := len(b.text) - stderrKept; extra > 0 {
		b.text = append(b.text[:0], b.text[extra:]...)
	}
	return len(p), nil
}

func (b *tailBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(bytes.TrimSpace(b.text))
}
