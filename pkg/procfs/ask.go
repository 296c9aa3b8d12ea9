// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// How a script and its client talk, once, for every question:
//
// The script comes on stdin, behind a random mark, and up to that mark again. So it burdens neither the request's URL
// (proxies limit it, audit logs keep it) nor anybody's view of the processes, and no process of the target can read
// the mark. What the caller asks about comes as arguments.
//
// A nil error from a stream is no proof that all of it arrived, and sizes in /proc and /sys lie. So the script ends its
// answer with NUL, the mark and its code. An answer without it is io.ErrUnexpectedEOF, whatever the Runner said.
//
// A runtime may drop the tail of what a process wrote before it ended. So the script then waits for the end of its
// stdin, which the client closes once it has seen the mark.
//
// Until then stdin carries an empty line each second, and the script sends each back on stderr: a line that is dead in
// either direction shows (watch.go). A local Runner whose command ended early learns of it by writing, instead of waiting
// for a reader that waits for it.
const (
	heartbeat = time.Second
	// How long a Runner has to return once nothing is expected of it any more.
	settleTime = 2 * time.Second
	stderrKept = 2048

	// boot is the whole of the remote command line: it reads the script, all of it, and becomes it. The script finds
	// $mark, what is left of stdin as descriptor 3, and section, which reads one more text.
	boot = `exec 3<&0 </dev/null
IFS= read -r mark <&3
section() {
text= line=
while IFS= read -r line && [ "$line" != "$mark" ]; do text="$text$line
"
done <&3
[ "$line" = "$mark" ]
}
section && eval "$text"`
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

// dictate writes down what the script's stdin begins with: the mark, then each text and the mark again. Comments and
// indentation stay here, since a shell reads its stdin byte by byte; no script has a string of several lines.
func dictate(mark string, scripts []string) []byte {
	b := []byte(mark + "\n")
	for _, script := range scripts {
		for line := range strings.SplitSeq(script, "\n") {
			if line = strings.TrimLeft(line, "\t"); line != "" && line[0] != '#' {
				b = append(b, line+"\n"...)
			}
		}
		b = append(b, mark+"\n"...)
	}
	return b
}

// ask runs the first of scripts, which may read the others, and hands its answer, without the mark, to read, which has to read it to its end. The error is
// the script's code if the mark came, otherwise read's own or what cut the answer short.
func ask(ctx context.Context, r Runner, scripts, args []string, read func(*bufio.Reader) error) error {
	scripts, args = worded(scripts, args)
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pipeReader, pipeWriter := io.Pipe()
	answer := &markWriter{mark: newMark(), out: pipeWriter, done: make(chan struct{})}
	defer answer.end(nil)
	defer context.AfterFunc(ctx, func() { answer.end(context.Cause(ctx)) })()

	ran := make(chan struct{})
	crash.Go(ctx, func() {
		defer close(ran)
		var stderr tailBuffer
		argv := append([]string{"sh", "-c", boot, "sh"}, args...)
		stdin := &handshake{text: dictate(answer.mark, scripts), done: answer.done}
		err := (&watch{limit: silence}).run(ctx, r, argv, stdin, answer, &stderr)
		answer.end(&cutError{cause: missingShell(err), stderr: stderr.String()})
	})

	source := &errorReader{r: pipeReader}
	buffered := bufio.NewReaderSize(source, 64<<10)
	readErr := read(buffered)
	if readErr == nil {
		readErr = atEnd(buffered)
	}
	pipeReader.CloseWithError(errors.Join(readErr, io.ErrClosedPipe))
	answer.end(readErr)
	settle(ctx, ran, cancel)

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
func settle(ctx context.Context, ran <-chan struct{}, cancel func()) {
	select {
	case <-ran:
		return
	case <-ctx.Done():
	case <-time.After(settleTime):
		cancel()
	}
	select {
	case <-ran:
	case <-time.After(settleTime / 4):
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
