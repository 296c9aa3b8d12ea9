// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/term"
	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// jobVariable makes the test binary the leader of a session that has one job, in the background or in the foreground.
const jobVariable = "ATTACH_TEST_JOB"

// runAsJob is the leader, or without a mode its job.
func runAsJob(mode, address string) int {
	switch mode {
	case "":
		return runJob(address)
	case "login":
		return runLogins(address)
	}
	lead(mode)
	return 0
}

// lead runs this binary again as a job of its own, and prints what became of it.
func lead(mode string) {
	signal.Ignore(syscall.SIGTTOU) // a shell's way to take the terminal back
	job := exec.Command(os.Args[0])
	job.Env = append(os.Environ(), jobVariable+"=")
	job.Stdin, job.Stdout, job.Stderr = os.Stdin, os.Stdout, os.Stderr
	job.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: mode == "foreground", Ctty: int(os.Stdin.Fd())}
	before, err := term.SaveState(os.Stdin.Fd())
	if err == nil {
		err = job.Start()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	if mode == "foreground" {
		moveToBackground(job.Process.Pid, before)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(job.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		fmt.Println(err)
	}
	_ = job.Process.Kill()
	fmt.Printf("job exited: %v, code %d, stopped: %v.", status.Exited(), status.ExitStatus(), status.Stopped())
}

// moveToBackground does what Ctrl-Z and bg do from a shell, and ends the job there.
func moveToBackground(pid int, before *term.State) {
	t := &testing.T{}
	settle(t, "the job has the terminal", func() bool {
		state, err := term.SaveState(os.Stdin.Fd())
		return err == nil && *state != *before
	})
	stop(t, pid, syscall.SIGSTOP)
	_ = unix.IoctlSetPointerInt(int(os.Stdin.Fd()), unix.TIOCSPGRP, unix.Getpgrp())
	goOn(t, pid)
	_ = syscall.Kill(pid, syscall.SIGTERM)
}

// runJob is the job: a shell where there is a terminal for it, else a command with what there is to read.
func runJob(address string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	terminal := attach.NewTerminal(os.Stdin, os.Stdout, os.Stderr)
	e := execAt(&testing.T{}, address)
	if terminal.InputIsTerminal() {
		fmt.Fprintf(os.Stderr, "shell ended: %v.", e.Shell(ctx, []string{"sh"}, terminal))
		return 0
	}
	fmt.Fprintf(os.Stderr, "background: %v, input: %v.", terminal.InBackground(), terminal.Input() != nil)
	if err := e.Run(ctx, []string{"true"}, terminal.Input(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// newJob starts a session at the terminal, as a script or a shell would, with one job.
func newJob(t *testing.T, d *testTerminal, s *server, mode string) {
	t.Helper()
	leader := exec.Command(os.Args[0])
	leader.Env = append(os.Environ(), jobVariable+"="+mode, shellServerVariable+"="+s.address(t))
	leader.Stdin, leader.Stdout, leader.Stderr = d.side, d.side, d.side
	leader.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = leader.Process.Kill()
		_ = leader.Wait()
	})
}

// A script's "timeout 5 ..." and a shell's "&" put a command in the background: it gets no terminal, and is not stopped.
func TestInTheBackgroundThereIsNoTerminal(t *testing.T) {
	d := newTestTerminal(t)
	newJob(t, d, &server{run: func(c *conversation) int {
		if c.stdin != nil && c.query.Has("stdin") {
			return 9
		}
		fmt.Fprint(c.stdout, "ran.")
		return 0
	}}, "background")
	d.shows(t, "background: true, input: false.ran.job exited: true, code 0, stopped: false.")
	d.restored(t)
}

// A session that is moved to the background leaves the terminal alone and ends by TERM.
func TestTerminateEndsAShellInTheBackground(t *testing.T) {
	d := newTestTerminal(t)
	newJob(t, d, &server{run: func(c *conversation) int {
		<-c.gone
		return cutOff
	}}, "foreground")
	d.shows(t, "job exited: true, code 0, stopped: false.")
}

// nohup gives a command an input that can only be written to.
func TestInputThatCannotBeReadIsNone(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if input := attach.NewTerminal(null, io.Discard, io.Discard).Input(); input != nil {
		t.Errorf("got %v", input)
	}
	piped := strings.NewReader("x")
	if input := attach.NewTerminal(piped, io.Discard, io.Discard).Input(); input != io.Reader(piped) {
		t.Errorf("got %v", input)
	}
	whole, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if input := attach.NewTerminal(whole, io.Discard, io.Discard).Input(); input != io.Reader(whole) {
		t.Errorf("got %v", input)
	}
}
