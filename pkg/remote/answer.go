// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// An Answer is what the program says to a request, up to its mark.
type Answer struct {
	*bufio.Reader
	// Mark is the connection's, and inside an answer the end of a file's contents.
	Mark string

	link  *Link
	reply *reply
}

// Ask makes one request. It reports whether another one can be made.
func (l *Link) Ask(ctx context.Context, q Request, read func(*Answer) error) (usable bool, err error) {
	answer, pipe := newReply(l.mark)
	l.expect(answer, q.Patience)
	defer l.expect(nil, 0)
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
	readErr := read(&Answer{Reader: buffered, Mark: l.mark, link: l, reply: answer})
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
		return !q.Payload, CodeError(code)
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

// errAnswered ends what is sent: the other side has answered, and takes nothing more.
var errAnswered = errors.New("answered")

// Send sends bytes behind the request, in one piece. Its error ends what is sent; why the other side takes no more is in its answer.
func (a *Answer) Send(parts ...[]byte) error {
	err := a.link.write(parts...)
	select {
	case <-a.reply.done:
		if _, marked := a.reply.result(); marked {
			return errAnswered
		}
		return &BrokenError{Cause: err}
	default:
	}
	if err != nil && !IsBroken(err) {
		return &BrokenError{Cause: err}
	}
	return err
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
