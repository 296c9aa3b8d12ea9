// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
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

func TestInteractiveShell(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("its files are in /proc/1/root")
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
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{"-it": "a terminal", "-q": "none"} {
		x := w.start(t, "debug", "web", words, "--", "sh", "-c", "test -t 0 && test -t 1 && echo a terminal || echo none; exit 5")
		x.expect(want)
		if code := x.exit(); code != 5 {
			t.Errorf("%s: exit code %d", words, code)
		}
	}
}

// However a session ends, the terminal is as it was.
func TestSignalsEndAnInteractiveSession(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		x := w.start(t, "debug", "web")
		x.expect("# ")
		if err := x.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		x.expect("left helper shareproc-")
		if code := x.exit(); code != 130 {
			t.Errorf("%s: exit code %d", sig, code)
		}
	}
}

// Ctrl-C before there is a shell: a local signal, an end within two seconds, and word of what is left.
func TestCtrlCWhileTheHelperStarts(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("added helper")
	x.typed("\x03")
	x.expect("left helper shareproc-")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// An API server that takes connections and never answers.
func TestCtrlCWhileTheServerIsSilent(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
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
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--copy")
	x.expect("created pod/web-shareproc-")
	x.typed("\x03")
	x.expect(" deleted")
	if code := x.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	w.awaitNoCopy(t)
}

func TestCtrlCEndsARemoteCommand(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
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
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web")
	x.expect("# ")
	x.typed("trap '' HUP; echo trapped; sleep 87654\r")
	x.expect("trapped\r\n")
	// The stream that watches over the end begins after a second.
	w.awaitProcess(t, "sleep 87654", launch.WatchdogName)
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.awaitNoProcess(t, launch.WatchdogName)
	w.awaitNoProcess(t, "sleep 87654")
}

func TestCopyIsDeletedWhenItsTerminalCloses(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
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
