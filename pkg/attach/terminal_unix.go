// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

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
				_ = s.raw.resume() // A terminal that is gone ends the session by its input.
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

// inJob says whether a shell made this process group a job of its own, and so can continue it. To others the kernel does
// not deliver SIGTSTP either.
func inJob() bool {
	session, err := unix.Getsid(0)
	return err == nil && session != syscall.Getpgrp()
}

// foreground says whether this process may take keys from the terminal and change it: the kernel stops a process that does
// so in the background. It does not where the terminal is not the one that controls the process.
func foreground(fd uintptr) bool {
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)    //nolint:gosec // a descriptor
	return err != nil || group == 0 || group == unix.Getpgrp() // 0 is a process of another PID namespace
}

// withoutStop changes the terminal even if a shell takes it back in that moment.
func withoutStop(change func()) {
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	change()
}

// readable says whether a file was opened for reading.
func readable(file *os.File) bool {
	flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_WRONLY
}

// standardInput is the descriptor from which other programs take what this one has not.
const standardInput = 0

// takeOver keeps a terminal that is the standard input for this session alone until the returned function is called. A login
// helper that client-go starts once more meanwhile would read the keys from there; it finds an empty input.
func (t *Terminal) takeOver() (release func(), err error) {
	file, ok := t.in.(*os.File)
	if !ok || t.inFD != standardInput {
		return func() {}, nil
	}
	empty, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer empty.Close() //nolint:errcheck // The copy stays open.
	own, err := unix.FcntlInt(standardInput, unix.F_DUPFD_CLOEXEC, standardInput+1)
	if err != nil {
		return nil, err
	}
	t.in, t.inFD = os.NewFile(uintptr(own), file.Name()), uintptr(own)
	release = func() {
		_ = unix.Dup2(own, standardInput)
		_ = t.in.(*os.File).Close()
		t.in, t.inFD = file, standardInput
	}
	if err := unix.Dup2(int(empty.Fd()), standardInput); err != nil { //nolint:gosec // a descriptor
		release()
		return nil, err
	}
	return release, nil
}
