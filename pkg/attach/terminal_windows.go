// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// pollPeriod is how often the console is asked for its size: Windows sends no signal. kubectl asks as often.
const pollPeriod = 250 * time.Millisecond

// watch polls the console's size until the returned function is called, which waits for the last poll.
func (s *terminalSession) watch(ctx context.Context) (unwatch func()) {
	s.resized()
	last, _ := s.terminal.remoteSize()
	end, ended := make(chan struct{}), make(chan struct{})
	crash.Go(ctx, func() {
		defer close(ended)
		defer s.restoreOnPanic()
		ticker := time.NewTicker(pollPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticker.C:
				if size, ok := s.terminal.remoteSize(); ok && size != last {
					last = size
					s.sizes.push(size)
				}
			}
		}
	})
	return func() {
		close(end)
		<-ended
	}
}

// openInput uses a pump: a read from a console cannot be interrupted.
func (t *Terminal) openInput(ctx context.Context) (io.ReadCloser, error) {
	return t.pumpedInput(ctx), nil
}

// foreground is always true: a console has no jobs.
func foreground(uintptr) bool { return true }

func withoutStop(change func()) { change() }

func readable(*os.File) bool { return true }

// takeOver does nothing: child processes inherit the console itself.
func (t *Terminal) takeOver() (release func(), err error) { return func() {}, nil }
