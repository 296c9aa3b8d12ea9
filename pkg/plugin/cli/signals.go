// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// editorKeys says whether an editor has the keyboard: Ctrl-C and Ctrl-\ then belong to it, and the terminal sends them to
// every program in its foreground. It is in the context of main.
type editorKeys struct{ given atomic.Bool }

type editorKeysKey struct{}

// lent reports whether a signal is for the editor.
func (k *editorKeys) lent(s os.Signal) bool {
	return k.given.Load() && (s == os.Interrupt || s == syscall.SIGQUIT)
}

// GiveKeys gives the keyboard given until the function that it returns is called.
func GiveKeys(ctx context.Context) (back func()) {
	keys, ok := ctx.Value(editorKeysKey{}).(*editorKeys)
	if !ok {
		return func() {}
	}
	keys.given.Store(true)
	return func() { keys.given.Store(false) }
}

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// Signals that arrive within signalWindow count as one: closing a terminal sends both TERM and HUP.
const signalWindow = time.Second

// NotifyContext returns a context that ends with the first signal that asks a program to stop. Later ones change nothing,
// since clean-up is bounded, except Ctrl-C after signalWindow, which ends the program at once. Writing to a closed pipe is an
// error instead of a signal, so that "| head -1" does not skip clean-up. For editors see GiveKeys.
func NotifyContext(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	keys := &editorKeys{}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, editorKeysKey{}, keys))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	crash.Go(ctx, func() {
		for {
			select {
			case s := <-signals:
				if keys.lent(s) {
					continue
				}
				cancel(ErrInterrupted)
				time.AfterFunc(signalWindow, func() { signal.Reset(os.Interrupt, syscall.SIGQUIT) })
			case <-ctx.Done():
				signal.Stop(signals)
			}
			return
		}
	})
	return ctx, func() { cancel(context.Canceled) }
}
