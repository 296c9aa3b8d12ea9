// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/term"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// shellServerVariable makes the test binary run one Shell at its own terminal against the server named by it: only
// another process can be stopped and continued.
const shellServerVariable = "ATTACH_TEST_SHELL_SERVER"

func TestMain(m *testing.M) {
	address := os.Getenv(shellServerVariable)
	if address == "" {
		os.Exit(m.Run())
	}
	if mode, ok := os.LookupEnv(jobVariable); ok {
		os.Exit(runAsJob(mode, address))
	}
	t := &testing.T{}
	err := execAt(t, address).Shell(context.Background(), []string{"sh"}, attach.NewTerminal(os.Stdin, os.Stdout, os.Stderr))
	var exit *attach.ExitError
	if !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(exit.Code)
}

func TestShellPassesKeysAndScreen(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "ready$ ")
		keys := bufio.NewReader(c.stdin)
		typed, err := keys.ReadString('\r')
		if err != nil || c.query.Get("tty") != "true" || c.query.Has("stderr") {
			return 1
		}
		fmt.Fprintf(c.stdout, "typed %q", typed)
		return 3
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			d := newTestTerminal(t)
			ended := make(chan error, 1)
			go func() { ended <- e.Shell(t.Context(), []string{"sh"}, attach.NewTerminal(d.side, d.side, d.side)) }()
			d.shows(t, "ready$ ")
			if !d.isRaw(t) {
				t.Error("the terminal is not raw")
			}
			d.typeIn(t, "a\x03\x1a\x04\x1c\r")
			d.shows(t, `typed "a\x03\x1a\x04\x1c\r"`)
			var exit *attach.ExitError
			if err := wait(t, ended); !errors.As(err, &exit) || exit.Code != 3 {
				t.Errorf("got %v", err)
			}
			d.restored(t)
		})
	}
}

// TestKeysTypedAfterwardsAreNotTaken: they are for whoever reads next.
func TestKeysTypedAfterwardsAreNotTaken(t *testing.T) {
	e := (&server{run: func(c *conversation) int {
		_, _ = io.CopyN(io.Discard, c.stdin, 1)
		return 0
	}}).start(t)
	d := newTestTerminal(t)
	terminal := attach.NewTerminal(d.side, d.side, d.side)
	for range 20 {
		d.typeIn(t, "x")
		if err := e.Shell(t.Context(), []string{"sh"}, terminal); err != nil {
			t.Fatal(err)
		}
		d.typeIn(t, "mine\n")
		line := make([]byte, 5)
		if _, err := io.ReadFull(d.side, line); err != nil || string(line) != "mine\n" {
			t.Fatalf("read %q, %v", line, err)
		}
	}
}

func TestShellCancelled(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "\x1b[?1049h\x1b[?25l\x1b[?2004hvi")
		<-c.gone
		return cutOff
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			d := newTestTerminal(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("hung up")
			ended := make(chan error, 1)
			go func() { ended <- e.Shell(ctx, []string{"vi"}, attach.NewTerminal(d.side, d.side, d.side)) }()
			d.shows(t, "vi")
			cancel(cause)
			if err := wait(t, ended); !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
			d.restored(t)
			d.shows(t, "\x1b[?25h\x1b[?1049l\x1b[?2004l\x1b[0m\r\n")
		})
	}
}

func TestShellPanics(t *testing.T) {
	e := (&server{run: flood}).start(t)
	d := newTestTerminal(t)
	defer func() {
		if value := recover(); !strings.Contains(fmt.Sprint(value), "of the screen") {
			t.Errorf("recovered %v", value)
		}
		d.restored(t)
	}()
	out := writerFunc(func([]byte) (int, error) { panic("of the screen") })
	err := e.Shell(t.Context(), []string{"yes"}, attach.NewTerminal(d.side, out, out))
	t.Errorf("returned %v", err)
}

func TestShellEndsWithItsTerminal(t *testing.T) {
	e := (&server{run: func(c *conversation) int {
		fmt.Fprint(c.stdout, "ready")
		<-c.gone
		return cutOff
	}}).start(t)
	d := newTestTerminal(t)
	ended := make(chan error, 1)
	go func() {
		ended <- e.Shell(t.Context(), []string{"sh"}, attach.NewTerminal(d.side, io.Discard, io.Discard))
	}()
	settle(t, "the terminal is raw", func() bool { return d.isRaw(t) })
	_ = d.hand.Close()
	if err := wait(t, ended); err == nil {
		t.Error("got no error from a terminal that is gone")
	}
}

func TestShellWantsATerminal(t *testing.T) {
	reading, writing, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	defer writing.Close()
	s := &server{}
	err = s.start(t).Shell(t.Context(), []string{"sh"}, attach.NewTerminal(reading, io.Discard, io.Discard))
	if !errors.Is(err, attach.ErrNotTerminal) || len(s.methods()) != 0 {
		t.Errorf("got %v after %v", err, s.methods())
	}
}

func TestShellFollowsTheSize(t *testing.T) {
	seen := make(chan remotecommand.TerminalSize)
	e := (&server{run: func(c *conversation) int {
		for size := range c.sizes {
			seen <- size
			if size.Width == 139 {
				return 0
			}
		}
		return cutOff
	}}).start(t)
	d := newTestTerminal(t)
	ended := make(chan error, 1)
	go func() { ended <- e.Shell(t.Context(), []string{"sh"}, attach.NewTerminal(d.side, d.side, d.side)) }()
	if first := wait(t, seen); first != (remotecommand.TerminalSize{Width: 80, Height: 24}) {
		t.Errorf("first size %v", first)
	}
	for i := range uint16(40) {
		d.resize(t, 100+i, 30+i)
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
	}
	last := wait(t, seen)
	for last.Width != 139 {
		last = wait(t, seen)
	}
	if last.Height != 69 {
		t.Errorf("last size %v", last)
	}
	if err := wait(t, ended); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestShellStoppedAndContinued stops another process, as the user's shell would: with SIGTSTP, which it may handle, and
// with SIGSTOP, which it may not.
func TestShellStoppedAndContinued(t *testing.T) {
	sizes, leave := make(chan remotecommand.TerminalSize, 16), make(chan struct{})
	s := &server{run: func(c *conversation) int {
		for {
			select {
			case size := <-c.sizes:
				sizes <- size
			case <-leave:
				return 5
			}
		}
	}}
	d := newTestTerminal(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), shellServerVariable+"="+s.address(t))
	child.Stdin, child.Stdout, child.Stderr = d.side, d.side, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill() }()
	wait(t, sizes)
	if !d.isRaw(t) {
		t.Error("the terminal is not raw")
	}

	stop(t, child.Process.Pid, syscall.SIGTSTP)
	d.restored(t)
	d.resize(t, 101, 31)
	goOn(t, child.Process.Pid)
	if size := wait(t, sizes); size.Width != 101 {
		t.Errorf("size after going on: %v", size)
	}
	settle(t, "the terminal is raw again", func() bool { return d.isRaw(t) })

	stop(t, child.Process.Pid, syscall.SIGSTOP)
	if err := term.RestoreTerminal(d.side.Fd(), &d.before); err != nil { // As the user's shell does.
		t.Fatal(err)
	}
	goOn(t, child.Process.Pid)
	settle(t, "the terminal is raw once more", func() bool { return d.isRaw(t) })

	close(leave)
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("got %v", err)
	}
	d.restored(t)
}

// stop sends a signal and waits until the process has stopped.
func stop(t *testing.T, pid int, number syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, number); err != nil {
		t.Fatal(err)
	}
	settle(t, "the process stops", func() bool {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return err == nil && got == pid && status.Stopped()
	})
}

func goOn(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

func TestNoGoroutineStaysBehindAShell(t *testing.T) {
	e := (&server{run: func(c *conversation) int { <-c.sizes; return 0 }}).start(t)
	d := newTestTerminal(t)
	terminal := attach.NewTerminal(d.side, d.side, d.side)
	shell := func() {
		if err := e.Shell(t.Context(), []string{"sh"}, terminal); err != nil {
			t.Fatal(err)
		}
	}
	shell()
	before := runtime.NumGoroutine()
	for range 20 {
		shell()
	}
	settle(t, "goroutines go", func() bool { return runtime.NumGoroutine() <= before })
}

// wait receives what must come soon.
func wait[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(limit):
		t.Fatalf("waited %v in vain\n%s", limit, stacks())
		panic("not reached")
	}
}
