// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

var errStreamsClosed = errors.New("session has ended")

// localStreams wraps the caller's streams for client-go, which only logs their errors and may use them after it has returned.
// The first error ends the session and is its reason; after close no call reaches the caller's streams.
type localStreams struct {
	fail     context.CancelCauseFunc
	closed   atomic.Bool
	panicked atomic.Pointer[crash.Panic]
	written  atomic.Bool // there was output
	// busy holds one value while a writer runs. It is a channel and not a mutex because close must be able to give up.
	busy chan struct{}
}

func newLocalStreams(fail context.CancelCauseFunc) *localStreams {
	return &localStreams{fail: fail, busy: make(chan struct{}, 1)}
}

// close refuses further calls, and waits for a write in progress, but no longer than limit.
func (g *localStreams) close(limit time.Duration) {
	g.closed.Store(true)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case g.busy <- struct{}{}:
		<-g.busy
	case <-timer.C:
	}
}

// catch is deferred in our own goroutines: a panic of a caller's stream ends the session and continues in the caller's
// goroutine, where the caller's deferred functions run (restore a terminal, delete a copy).
func (g *localStreams) catch() {
	if p := crash.New(recover()); p != nil {
		g.panicked.CompareAndSwap(nil, p)
		g.fail(errStreamsClosed)
	}
}

// rethrow continues a panic that catch has kept.
func (g *localStreams) rethrow() {
	if p := g.panicked.Load(); p != nil {
		panic(p)
	}
}

func (g *localStreams) writer(name string, w io.Writer) io.Writer {
	return &detachableWriter{g, name, w}
}

type detachableWriter struct {
	*localStreams
	name string
	to   io.Writer
}

func (w *detachableWriter) Write(p []byte) (n int, err error) {
	w.busy <- struct{}{}
	defer func() { <-w.busy }()
	defer w.catch()
	if w.closed.Load() {
		return 0, errStreamsClosed
	}
	w.written.Store(true)
	n, err = w.to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.fail(fmt.Errorf("write %s: %w", w.name, err))
	}
	return n, err
}

func (g *localStreams) reader(name string, r io.Reader) io.Reader {
	return &detachableReader{g, name, r}
}

type detachableReader struct {
	*localStreams
	name string
	from io.Reader
}

func (r *detachableReader) Read(p []byte) (n int, err error) {
	defer r.catch()
	if r.closed.Load() {
		return 0, io.EOF
	}
	n, err = r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.fail(fmt.Errorf("read %s: %w", r.name, err))
	}
	return n, err
}
