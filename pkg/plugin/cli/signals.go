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

// lentKeys tells whether somebody else has the keyboard, for whom Ctrl-C and Ctrl-\ are: vi takes the first for Esc, and
// the terminal sends both to every program in its foreground. It is in the context of main.
type lentKeys struct{ away atomic.Bool }

type keysLent struct{}

// lent tells whether a signal is somebody else's.
func (k *lentKeys) lent(s os.Signal) bool {
	return k.away.Load() && (s == os.Interrupt || s == syscall.SIGQUIT)
}

// LendKeys gives the keyboard away until the function that it returns is called.
func LendKeys(ctx context.Context) (back func()) {
	keys, ok := ctx.Value(keysLent{}).(*lentKeys)
	if !ok {
		return func() {}
	}
	keys.away.Store(true)
	return func() { keys.away.Store(false) }
}

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// doubled is the time in which signals are one: a key pressed twice, TERM and HUP from what closes a terminal.
const doubled = time.Second

// NotifyContext returns a context that ends with the first signal that asks a program to stop. Those that follow change
// nothing, since cleaning up has an end anyhow, but for another Ctrl-C later than a second: that ends the program
// at once, as if nobody had listened. Writing to a closed pipe is an error instead of a signal, so that clean-up is not
// skipped by "| head -1". While an editor has the terminal, what is typed there is the editor's: see lendKeys.
func NotifyContext(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	keys := &lentKeys{}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, keysLent{}, keys))
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
				time.AfterFunc(doubled, func() { signal.Reset(os.Interrupt, syscall.SIGQUIT) })
			case <-ctx.Done():
				signal.Stop(signals)
			}
			return
		}
	})
	return ctx, func() { cancel(context.Canceled) }
}
