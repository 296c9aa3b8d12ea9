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

var errGateClosed = errors.New("session has ended")

// gate stands between client-go's copying goroutines and the caller's streams. client-go only logs what goes wrong with
// those streams, and may go on using them after it has returned: the gate reports the first failure as the reason why the
// session ended, and shuts.
type gate struct {
	fail     context.CancelCauseFunc
	closed   atomic.Bool
	panicked atomic.Pointer[crash.Panic]
	written  atomic.Bool // something came
	// busy holds one value while a writer runs. A channel and not a mutex, for close must be able to give up waiting.
	busy chan struct{}
}

func newGate(fail context.CancelCauseFunc) *gate {
	return &gate{fail: fail, busy: make(chan struct{}, 1)}
}

// close lets no further call through, and waits for a write in progress, but no longer than limit.
func (g *gate) close(limit time.Duration) {
	g.closed.Store(true)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case g.busy <- struct{}{}:
		<-g.busy
	case <-timer.C:
	}
}

// catch is deferred in goroutines that are not the caller's: a panic of the caller's stream ends the session, and goes on
// in the caller's own goroutine, where what it deferred (a terminal to restore, a copy to delete) still runs.
func (g *gate) catch() {
	if p := crash.New(recover()); p != nil {
		g.panicked.CompareAndSwap(nil, p)
		g.fail(errGateClosed)
	}
}

// rethrow goes on with a panic that catch has kept.
func (g *gate) rethrow() {
	if p := g.panicked.Load(); p != nil {
		panic(p)
	}
}

func (g *gate) writer(name string, w io.Writer) io.Writer { return &gatedWriter{g, name, w} }

type gatedWriter struct {
	*gate
	name string
	to   io.Writer
}

func (w *gatedWriter) Write(p []byte) (n int, err error) {
	w.busy <- struct{}{}
	defer func() { <-w.busy }()
	defer w.catch()
	if w.closed.Load() {
		return 0, errGateClosed
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

func (g *gate) reader(name string, r io.Reader) io.Reader { return &gatedReader{g, name, r} }

type gatedReader struct {
	*gate
	name string
	from io.Reader
}

func (r *gatedReader) Read(p []byte) (n int, err error) {
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
