// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopTime is how long to wait for a stop that may not come: the kernel drops SIGTSTP for a process group without a shell
// that could continue it.
const stopTime = 200 * time.Millisecond

// watch follows the terminal's size, and the process's being stopped and continued, until the returned function is called,
// which waits for the end of watching.
func (s *sitting) watch() (unwatch func()) {
	// A channel of its own, of one: however many arrive, one that is pending stands for the latest size.
	resized := make(chan os.Signal, 1)
	stopped := make(chan os.Signal, 4)
	signal.Notify(resized, syscall.SIGWINCH)
	signal.Notify(stopped, syscall.SIGTSTP, syscall.SIGCONT)
	s.resized()

	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(resized)
		defer signal.Stop(stopped)
		defer s.restoreOnPanic()
		for {
			select {
			case <-end:
				return
			case <-resized:
				s.resized()
			case number := <-stopped:
				if number == syscall.SIGTSTP {
					s.stop(stopped)
				}
				s.raw.resume()
				s.resized()
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// stop stops the process as if nobody had caught the signal, with the terminal put back, and returns when it goes on.
func (s *sitting) stop(stopped chan os.Signal) {
	s.raw.pause()
	signal.Reset(syscall.SIGTSTP)
	defer signal.Notify(stopped, syscall.SIGTSTP)
	if syscall.Kill(os.Getpid(), syscall.SIGTSTP) != nil {
		return
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
	}
}
