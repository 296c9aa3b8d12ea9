// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/term"
)

// hang is the time after which a command that should end is taken for one that never will. How long it does take (below
// two seconds after a signal) is measured, not tested: a busy machine proves nothing.
const hang = 2 * time.Minute

// terminal is the plugin at work in a pseudo-terminal, as a person sees it.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	before *term.State

	mu     sync.Mutex
	screen bytes.Buffer
	all    bytes.Buffer
	ended  chan struct{}
	err    error
}

// start runs the plugin in a terminal of 80 by 24.
func (w *environment) start(t *testing.T, args ...string) *terminal {
	t.Helper()
	return w.startWith(t, nil, args...)
}

func (w *environment) startCmd(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	before, err := term.SaveState(slave.Fd())
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, cmd: cmd, master: master, slave: slave, before: before, ended: make(chan struct{})}
	go func() {
		_, _ = io.Copy(x, master)
	}()
	go func() {
		x.err = cmd.Wait()
		close(x.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-x.ended
		master.Close()
		slave.Close()
	})
	return x
}

// Write takes what the terminal shows.
func (x *terminal) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all.Write(p)
	return x.screen.Write(p)
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// expect waits until text shows, and takes it and all before it away.
func (x *terminal) expect(text string) {
	x.t.Helper()
	err := poll(x.t.Context(), func() (bool, error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		i := bytes.Index(x.screen.Bytes(), []byte(text))
		if i < 0 {
			return false, nil
		}
		x.screen.Next(i + len(text))
		return true, nil
	})
	if err != nil {
		x.t.Fatalf("%q does not show %v; the screen has %q", text, err, x.text())
	}
}

func (x *terminal) typed(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// exit waits for the plugin's end, returns its exit code, and looks whether the terminal is as it was.
func (x *terminal) exit() int {
	x.t.Helper()
	return x.exitWithin(hang)
}

// startWith is start with more environment.
func (w *environment) startWith(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), args...)
	cmd.Env = append(append(os.Environ(), w.env()...), env...)
	return w.startCmd(t, cmd)
}

func (x *terminal) exitWithin(limit time.Duration) int {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(limit):
		x.t.Fatalf("still running after %s; the screen has %q", limit, x.text())
	}
	after, err := term.SaveState(x.slave.Fd())
	if err != nil {
		x.t.Fatal(err)
	}
	if *after != *x.before {
		x.t.Errorf("the terminal is left changed: %+v, was %+v", after, x.before)
	}
	var exit *exec.ExitError
	if x.err != nil && !errors.As(x.err, &exit) {
		x.t.Fatal(x.err)
	}
	return x.cmd.ProcessState.ExitCode()
}
