// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// ErrStalled says that a stream was given up because nothing came through it any more.
var ErrStalled = errors.New("the connection does not move any more")

// silence is how long a stream may be without a sign of life. Each second the client sends a beat, and the script sends it
// back, so 20 seconds of nothing are no slow file and no busy helper: one direction of the line is dead. Nothing else
// tells: SPDY has no ping of its own, and what stands between may keep either connection open for hours.
const silence = 20 * time.Second

// A watch runs a command, and ends it where nothing comes back.
type watch struct {
	limit time.Duration

	mu      sync.Mutex
	last    time.Time // of the last sign; zero until the stream is open, which the Runner itself has to wait for
	writing bool      // somebody here takes his time with what came: no fault of the stream
}

// run is r.Run, or ErrStalled.
func (w *watch) run(ctx context.Context, r Runner, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	crash.Go(ctx, func() { w.look(ctx, cancel) })
	err := r.Run(ctx, argv, opening{stdin, w}, living{stdout, w}, living{beatless{stderr}, w})
	if cause := context.Cause(ctx); errors.Is(cause, ErrStalled) {
		return cause
	}
	return err
}

func (w *watch) look(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(w.limit / 10)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if w.stalled(now) {
				cancel(fmt.Errorf("no sign of life for %s: %w", w.limit, ErrStalled))
				return
			}
		}
	}
}

func (w *watch) stalled(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.last.IsZero() && !w.writing && now.Sub(w.last) > w.limit
}

func (w *watch) sign(writing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.writing = time.Now(), writing
}

// An opening is stdin: who reads it first has a stream.
type opening struct {
	io.Reader
	watch *watch
}

func (o opening) Read(p []byte) (int, error) {
	o.watch.mu.Lock()
	if o.watch.last.IsZero() {
		o.watch.last = time.Now()
	}
	o.watch.mu.Unlock()
	return o.Reader.Read(p)
}

// A living is a stream on which every byte is a sign.
type living struct {
	io.Writer
	watch *watch
}

func (l living) Write(p []byte) (int, error) {
	l.watch.sign(true)
	defer l.watch.sign(false)
	return l.Writer.Write(p)
}

// A beatless is stderr without the beats that came back.
type beatless struct{ io.Writer }

func (b beatless) Write(p []byte) (int, error) {
	if len(bytes.Trim(p, "\n")) == 0 {
		return len(p), nil
	}
	return b.Writer.Write(p)
}
