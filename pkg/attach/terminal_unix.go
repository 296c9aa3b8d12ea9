// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/moby/term"
	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// stopTime is how long to wait for a stop to take effect and to be over: the kernel stops the threads of a process a
// moment after the call has returned.
const stopTime = 200 * time.Millisecond

// watch follows the terminal's size, and the process's being stopped and continued, until the returned function is called,
// which waits for the end of watching.
func (s *sitting) watch(ctx context.Context) (unwatch func()) {
	// A channel of its own, of one: however many arrive, one that is pending stands for the latest size.
	resized := make(chan os.Signal, 1)
	stopped := make(chan os.Signal, 4)
	signal.Notify(resized, syscall.SIGWINCH)
	signal.Notify(stopped, syscall.SIGTSTP, syscall.SIGCONT)
	s.resized()

	end, ended := make(chan struct{}), make(chan struct{})
	crash.Go(ctx, func() {
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
	})
	return func() {
		close(end)
		<-ended
	}
}

// stop stops the process as if nobody had caught the signal, with the terminal put back, and returns when it goes on. It is
// SIGSTOP that stops it: Go does not give SIGTSTP its default action back once it was caught (os/signal, Reset).
func (s *sitting) stop(stopped <-chan os.Signal) {
	if !inJob() {
		return
	}
	s.raw.pause()
	if syscall.Kill(os.Getpid(), syscall.SIGSTOP) != nil {
		return
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
	}
}

// resume makes the terminal raw again. What is saved stays: a process stopped by SIGSTOP finds the terminal raw.
func (r *rawMode) resume() {
	_, _ = term.MakeRaw(r.fd)
}

// inJob says whether a shell made this process group a job of its own, and so can continue it. To others the kernel does
// not deliver SIGTSTP either.
func inJob() bool {
	session, err := unix.Getsid(0)
	return err == nil && session != syscall.Getpgrp()
}
