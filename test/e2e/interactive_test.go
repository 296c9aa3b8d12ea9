// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/term"
)

const onePod = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: nginx, image: $NGINX, imagePullPolicy: IfNotPresent}
`

// hang is the time after which a command that should end is taken for one that never will. How long it does take (below
// two seconds after a signal) is measured, not tested: a busy machine proves nothing.
const hang = 15 * time.Second

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

func testWorld(t *testing.T) *world {
	t.Helper()
	w, remove, err := newWorld(t.Context(), fromEnvironment(t), t.TempDir())
	if remove != nil {
		t.Cleanup(func() {
			if err := remove(); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs the plugin in a terminal of 80 by 24.
func (w *world) start(t *testing.T, args ...string) *terminal {
	t.Helper()
	return w.startWith(t, nil, args...)
}

// startWith is start with more environment.
func (w *world) startWith(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), args...)
	cmd.Env = append(append(os.Environ(), w.env()...), env...)
	return w.startCmd(t, cmd)
}

func (w *world) startCmd(t *testing.T, cmd *exec.Cmd) *terminal {
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

func TestInteractiveShell(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("files are under /proc/1/root")
	x.expect("# ") // the prompt, without a key pressed
	x.typed("echo $((20+22)); stty size\r")
	x.expect("42\r\n")
	x.expect("24 80")

	if err := pty.Setsize(x.master, &pty.Winsize{Cols: 133, Rows: 55}); err != nil {
		t.Fatal(err)
	}
	x.expect("# ")
	x.typed("until stty size | grep '^55 133'; do :; done\r")
	x.expect("55 133\r\n")
	x.expect("# ")

	// Ctrl-C is for the remote command, and the shell lives on; Ctrl-Z stops a job, fg takes it up again.
	// A key pressed before the job has the terminal would be for the shell, so each job says that it runs.
	x.typed("sh -c 'echo begun; exec sleep 1000'\r")
	x.expect("begun\r\n")
	x.typed("\x03")
	x.expect("# ")
	x.typed("sh -c 'echo begun; exec cat'\r")
	x.expect("begun\r\n")
	x.typed("\x1a")
	x.expect("Stopped")
	x.expect("# ")
	x.typed("fg\r")
	x.expect("exec cat")
	x.typed("again\r")
	x.expect("again\r\nagain\r\n")
	x.typed("\x04")
	x.expect("# ")

	x.typed("ps ax\r")
	x.expect("nginx: master")
	x.expect("# ")
	x.typed("exit 42\r")
	if code := x.exit(); code != 42 {
		t.Errorf("exit code %d, the remote shell's was 42", code)
	}
}

func TestCommandInATerminal(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--", "sh", "-c", "test -t 0 && test -t 1 && echo a terminal; exit 5")
	x.expect("a terminal")
	if code := x.exit(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// However a session ends, the terminal is as it was.
func TestSignalsEndAnInteractiveSession(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		x := w.start(t, "debug", "web")
		x.expect("# ")
		if err := x.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		x.expect("left in pod/web: helper shareproc-")
		if code := x.exit(); code != 130 {
			t.Errorf("%s: exit code %d", sig, code)
		}
	}
}

// Ctrl-C before there is a shell: a local signal, an end within two seconds, and word of what is left.
func TestCtrlCWhileTheHelperStarts(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("added helper")
	x.typed("\x03")
	x.expect("left in pod/web: helper shareproc-")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// An API server that takes connections and never answers.
func TestCtrlCWhileTheServerIsSilent(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	x := w.start(t, "debug", "web", "--server", "http://"+silent.Addr().String())
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	x.typed("\x03")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(x.text(), "left in") {
		t.Errorf("nothing was made, and it says %q", x.text())
	}
}

// Ctrl-C while the copy starts leaves no copy.
func TestCtrlCWhileTheCopyStarts(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--copy")
	x.expect("created pod/web-shareproc-")
	x.typed("\x03")
	x.expect("deleted pod/web-shareproc-")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	w.awaitNoCopy(t)
}

func TestCtrlCEndsARemoteCommand(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "-t=false", "--", "sh", "-c", "echo begun; exec sleep 98765")
	x.expect("begun")
	x.typed("\x03")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	w.awaitNoProcess(t, "sleep 98765")
}

// A client that dies leaves no remote shell behind that would keep the helper for ever.
func TestRemoteShellEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("# ")
	x.typed("trap '' HUP; echo trapped; sleep 87654\r")
	x.expect("trapped\r\n")
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "ps", "web", "-a", "-q")
		return strings.Contains(out, "sleep 87654"), err
	}); err != nil {
		t.Fatal(err)
	}
	// The stream that watches over the end begins after a second.
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "ps", "web", "-a", "-q")
		return strings.Contains(out, "SHAREPROC_TETHER"), err
	}); err != nil {
		t.Fatal(err)
	}
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.awaitNoProcess(t, "SHAREPROC_TETHER")
	w.awaitNoProcess(t, "sleep 87654")
}

func TestCopyIsDeletedWhenItsTerminalCloses(t *testing.T) {
	t.Parallel()
	w := testWorld(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		how string
		do  func(*terminal) error
	}{
		{"the shell's exit", func(x *terminal) error { x.typed("exit\r"); return nil }},
		{"SIGHUP", func(x *terminal) error { return x.cmd.Process.Signal(syscall.SIGHUP) }},
	} {
		x := w.start(t, "debug", "web", "--copy")
		x.expect("# ")
		if err := end.do(x); err != nil {
			t.Fatal(err)
		}
		x.exit()
		t.Log("after " + end.how)
		w.awaitNoCopy(t)
	}
}

func (w *world) awaitNoCopy(t *testing.T) {
	t.Helper()
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.kubectl(t.Context(), "get", "pods", "-o", "name")
		return strings.TrimSpace(out) == "pod/web", err
	}); err != nil {
		t.Errorf("the copy is still there: %v", err)
	}
}

// awaitNoProcess waits until no process has text in its command line.
func (w *world) awaitNoProcess(t *testing.T, text string) {
	t.Helper()
	var last string
	err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "ps", "web", "-a", "-q")
		last = out
		return !strings.Contains(out, text), err
	})
	if err != nil {
		t.Errorf("%q still runs: %v\n%s", text, err, last)
	}
}

func (w *world) plugin(ctx context.Context, args ...string) (string, error) {
	return w.run(ctx, "kubectl-shareproc", args...)
}

func (w *world) kubectl(ctx context.Context, args ...string) (string, error) {
	return w.run(ctx, "kubectl", args...)
}

func (w *world) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(w.path, name), args...)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(name + " " + strings.Join(args, " ") + ": " + string(exit.Stderr))
	}
	return string(out), err
}
