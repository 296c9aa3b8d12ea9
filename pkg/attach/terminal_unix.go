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

// stopTime is how long to wait for SIGSTOP: the kernel stops the threads of a process a moment after kill has returned.
const stopTime = 200 * time.Millisecond

// watch handles SIGWINCH, SIGTSTP and SIGCONT until the returned function is called, which waits for the last of them.
func (s *terminalSession) watch(ctx context.Context) (unwatch func()) {
	// A capacity of one is enough: a pending signal stands for the latest size.
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
				_ = s.raw.resume() // If the terminal is gone, its input ends the session.
				s.resized()
			}
		}
	})
	return func() {
		close(end)
		<-ended
	}
}

// stop restores the terminal, stops the process, and returns when it continues. It sends SIGSTOP because Go does not restore
// the default action of SIGTSTP once it was caught (os/signal, Reset).
func (s *terminalSession) stop(stopped <-chan os.Signal) {
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

// inJob reports whether this process group is a job of a shell, which can continue it. The kernel stops no other group by
// SIGTSTP either.
func inJob() bool {
	session, err := unix.Getsid(0)
	return err == nil && session != syscall.Getpgrp()
}

// foreground reports whether this process may read from the terminal and change it. The kernel stops a process that does so
// in the background, but only at its controlling terminal.
func foreground(fd uintptr) bool {
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)    //nolint:gosec // a descriptor
	return err != nil || group == 0 || group == unix.Getpgrp() // 0 is a group of another PID namespace
}

// withoutStop changes the terminal even if a shell moves this process to the background in that moment.
func withoutStop(change func()) {
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	change()
}

// readable reports whether a file is open for reading.
func readable(file *os.File) bool {
	flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_WRONLY
}

// standardInput is the descriptor that child processes read from.
const standardInput = 0

// takeOver replaces the standard input by an empty one until the returned function is called, and reads the terminal through
// another descriptor. A login helper that client-go starts in mid-session would otherwise read the session's keys.
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
