// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

//go:embed sh/*.sh
var scripts embed.FS

// boot is the whole of the remote command line: it reads the program by its length and becomes it. So the program burdens
// neither the request's URL (proxies limit it, audit logs keep it) nor anybody's view of the processes.
const boot = `eval "$(dd bs=$1 count=1 iflag=fullblock 2>/dev/null)" && main`

const (
	// heartbeat is how often the client sends an empty line, which comes back on stderr.
	heartbeat = time.Second
	// Silence is how long a connection may be without any sign of life before it is given up. Nothing else tells a dead line:
	// SPDY has no ping of its own, and what stands between may keep either connection open for hours.
	Silence = 20 * time.Second
	// patience is that of a new Conn.
	patience = 30 * time.Second
	// hurry is patience where something has blocked before.
	hurry = patience / 3
	// settleTime is how long a Runner has to return once nothing is expected of it any more.
	settleTime = 2 * time.Second
	stderrKept = 2048
)

// A Link is one command that runs the program: one connection, until it breaks or is closed.
type Link struct {
	mark    string
	cancel  context.CancelCauseFunc
	ran     chan struct{} // closed when the Runner has returned
	err     error         // why it did, behind ran
	stderr  tailBuffer
	input   io.WriteCloser
	writing sync.Mutex // what is written in one piece: a request, a frame, a beat

	leaving atomic.Bool // nobody wants answers any more

	pulse

	mu      sync.Mutex
	current *reply
}

// program is the text of all scripts, in the order of their names: they only define functions.
func program() (string, error) {
	names, err := fs.Glob(scripts, "sh/*.sh")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

// connect starts the program. It does not wait for an answer.
func connect(ctx context.Context, r Runner) (*Link, error) {
	text, err := program()
	if err != nil {
		return nil, err
	}
	outer := ctx
	// An interrupt ends the program by the end of its stdin: a runtime kills a command whose stream is torn, and not its children.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(outer))
	stdin, input := io.Pipe()
	l := &Link{mark: rand.Text(), cancel: cancel, ran: make(chan struct{}), input: input}
	crash.Go(ctx, func() {
		argv := []string{"sh", "-c", boot, "sh", strconv.Itoa(len(text))}
		err := r.Run(ctx, argv, &opening{stdin, &l.pulse}, signs{l.receive, &l.pulse}, signs{l.complain, &l.pulse})
		if cause := context.Cause(ctx); errors.Is(cause, ErrStalled) {
			err = cause
		}
		l.err = missingShell(err)
		// A request that begins now sees this, and one that has begun is ended.
		close(l.ran)
		broken := &BrokenError{Cause: l.err, Stderr: l.stderr.String()}
		l.end(broken)
		stdin.CloseWithError(broken)
	})
	context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		if errors.Is(cause, ErrStalled) {
			cause = &BrokenError{Cause: cause, Stderr: l.stderr.String()}
		}
		l.end(cause)
		stdin.CloseWithError(cause)
	})
	context.AfterFunc(outer, func() {
		l.end(context.Cause(outer))
		l.leave(context.Cause(outer))
	})
	l.writing.Lock()
	crash.Go(ctx, func() { l.beat(ctx) })
	defer l.writing.Unlock()
	// That it failed shows in the first answer.
	_, _ = input.Write([]byte(text + l.mark + "\n"))
	return l, nil
}

// write sends some bytes in one piece.
func (l *Link) write(parts ...[]byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for _, p := range parts {
		if _, err := l.input.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// beat sends an empty line each second, and gives the link up where nothing comes back.
func (l *Link) beat(ctx context.Context) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.ran:
			return
		case now := <-ticker.C:
			if err := l.overdue(now); err != nil {
				l.cancel(err)
				return
			}
			// Who writes just now is a sign of life to the other side.
			if l.writing.TryLock() {
				crash.Go(ctx, func() {
					defer l.writing.Unlock()
					_, _ = l.input.Write([]byte("\n"))
				})
			}
		}
	}
}

// expect makes a reply the one that what comes belongs to.
func (l *Link) expect(answer *reply, patience time.Duration) {
	l.begin(patience)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = answer
}

// end ends the reply that is expected.
func (l *Link) end(err error) {
	l.mu.Lock()
	answer := l.current
	l.mu.Unlock()
	if answer != nil {
		answer.end(err)
	}
}

func (l *Link) receive(p []byte) (int, error) {
	l.mu.Lock()
	answer := l.current
	l.mu.Unlock()
	if answer == nil && !l.leaving.Load() {
		return 0, errors.New("read answer of helper: unexpected bytes")
	}
	l.progress()
	if answer != nil {
		_, _ = answer.Write(p) // what nobody wants any more is read all the same, until the program has ended
	}
	return len(p), nil
}

// complain keeps what the program says on stderr, except the beats that come back, and dots for progress.
func (l *Link) complain(p []byte) (int, error) {
	if bytes.IndexByte(p, '.') >= 0 {
		l.progress()
	}
	if len(bytes.Trim(p, "\n.")) == 0 {
		return len(p), nil
	}
	return l.stderr.Write(p)
}

// alive reports whether requests can still be made.
func (l *Link) alive() bool {
	select {
	case <-l.ran:
		return false
	default:
		return true
	}
}

// leave closes the program's stdin, and tears the stream where it does not end by that.
func (l *Link) leave(cause error) {
	l.leaving.Store(true)
	_ = l.input.Close()
	select {
	case <-l.ran:
	case <-time.After(settleTime):
	}
	l.cancel(cause)
}

// close ends the program by the end of its stdin, and gives up a Runner that does not return.
func (l *Link) close() {
	l.end(io.ErrClosedPipe)
	l.leave(nil)
	select {
	case <-l.ran:
	case <-time.After(settleTime / 4):
	}
}

// missingShell recognizes the status of a shell that could not be started (POSIX: 126 and 127).
func missingShell(err error) error {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127) {
		return fmt.Errorf("%w: %w", &MissingToolError{Tool: "sh"}, err)
	}
	return err
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
