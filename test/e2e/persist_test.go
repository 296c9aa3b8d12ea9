// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// lostTry is what the advice after a lost connection begins with.
const lostTry = "try: once the network is back, run "

// wayBack is the command line that a screen names behind a text.
func wayBack(t *testing.T, screen, behind string) []string {
	t.Helper()
	_, way, found := strings.Cut(screen, behind+"kubectl shareproc ")
	if end := strings.IndexAny(way, "\r,:"); end >= 0 {
		way = way[:end]
	}
	if !found {
		t.Fatalf("no way back in %q", screen)
	}
	return strings.Fields(way)
}

// A shell of --persist is left by keys and by the loss of the network, and comes back with all that it knew, at the size of
// the terminal that it comes back to; its exit code is the command's.
func TestPersistentShell(t *testing.T) {
	full(t)
	t.Parallel()
	for wire, env := range transports() {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			w := testEnvironment(t)
			if err := w.apply(t.Context(), onePod, "web"); err != nil {
				t.Fatal(err)
			}
			x := w.startWith(t, env, "debug", "web", "--persist")
			x.expect("is recorded in the log") // before anything is typed
			x.expect("# ")
			x.typed("know=4711; stty size\r")
			x.expect("24 80\r\n")
			x.expect("# ")
			x.typed("ps\r")
			x.expect("nginx: master")
			x.expect("# ")
			x.typed(`printf '\033[?1049h\033[?25ldr''awn'` + "\r")
			x.expect("drawn")
			x.typed("\x10\x11")
			if code := x.exit(); code != 0 {
				t.Errorf("detached with exit code %d", code)
			}
			screen := x.whole()
			if left := modesLeft(screen); len(left) > 0 {
				t.Errorf("modes %v are left on the terminal", left)
			}
			way := wayBack(t, screen, "to reattach: ")

			h := newHole(t, w)
			x = w.startWith(t, env, append(way, "--server", h.url)...)
			if err := pty.Setsize(x.master, &pty.Winsize{Cols: 101, Rows: 33}); err != nil {
				t.Fatal(err)
			}
			x.expect("# ") // painted again, without a key
			x.typed("until stty size | grep '^33 101'; do :; done; echo $know.\r")
			x.expect("33 101\r\n")
			x.expect("4711.\r\n")
			h.swallow.Store(true)
			if code := x.exitWithin(lostWithin); code != 1 {
				t.Errorf("lost with exit code %d", code)
			}
			screen = x.whole()
			if !strings.Contains(screen, "connection lost") {
				t.Errorf("the loss is not reported: %q", screen)
			}
			way = wayBack(t, screen, lostTry)

			out, err := w.plugin(t.Context(), "sessions", "web", "-o", "jsonpath={.items[*].persistent} {.items[*].container}")
			if want := "true " + way[len(way)-1]; err != nil || out != want {
				t.Errorf("sessions: %q, want %q (%v)", out, want, err)
			}
			x = w.startWith(t, env, "attach", "pod/web")
			x.expect("# ")
			x.typed("echo $know.; exit 5\r")
			x.expect("4711.\r\n")
			if code := x.exit(); code != 5 {
				t.Errorf("exit code %d, the shell's was 5", code)
			}
			if _, err := w.plugin(t.Context(), "attach", "web"); err == nil {
				t.Error("attached without a terminal")
			}
			x = w.start(t, "attach", "web")
			if code := x.exit(); code != 1 || !strings.Contains(x.whole(), "exited with code 5") {
				t.Errorf("exit code %d: %s", code, x.whole())
			}
		})
	}
}

// A signal ends the client and not the shell.
func TestPersistentShellOutlivesItsClient(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--persist")
	x.expect("# ")
	x.typed("know=42\r")
	x.expect("# ")
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		if err := x.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGKILL {
			<-x.ended // nobody puts a terminal back then
		} else if code := x.exit(); code != 130 || !strings.Contains(x.whole(), "to reattach: kubectl shareproc attach ") {
			t.Errorf("%s: exit code %d: %s", signal, code, x.whole())
		}
		x = w.start(t, "attach", "web")
		x.expect("# ")
		x.typed("echo $((know+1)).\r")
		x.expect("43.\r\n")
		x.expect("# ")
	}
	x.typed("exit\r")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// It ends by itself when nobody presses a key and nothing runs in it, and by clean.
func TestPersistentShellEnds(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--persist", "--idle-timeout", "1s")
	x.expect("# ")
	x.typed("sleep 25; echo over\r")
	x.expect("\nover\r\n") // a command keeps it
	x.expect("no key for 1 seconds: this shell ends")
	if code := x.exit(); code == 0 {
		t.Error("a shell that was ended gave exit code 0")
	}

	x = w.start(t, "debug", "web", "--persist", "--detach-keys", "ctrl-]")
	x.expect("# ")
	x.typed("sleep 9876\r")
	x.expect("9876\r\n")
	x.typed("\x1d")
	if code := x.exit(); code != 0 {
		t.Errorf("detached with exit code %d", code)
	}
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "sessions", "web", "-o", "jsonpath={.items[*].state}")
		return out == "in-use", err
	}); err != nil {
		t.Errorf("a shell in which a command runs is not in use: %v", err)
	}
	if _, err := w.plugin(t.Context(), "clean", "web"); err == nil || !strings.Contains(err.Error(), "it is running a command") {
		t.Errorf("clean: %v", err)
	}
	x = w.start(t, "attach", "web")
	x.expect("detach with")
	x.typed("\x03")
	x.expect("# ")
	out, err := w.plugin(t.Context(), "clean", "web")
	if err != nil || !strings.Contains(out, " stopped\n") {
		t.Errorf("clean: %q, %v", out, err)
	}
	if code := x.exit(); code == 0 {
		t.Error("a shell that was ended gave exit code 0")
	}
}

// Whoever may attach and not exec gets a shell without a flag, also where a helper waits that they can't use. No command is
// run in a shell's helper: the next command of somebody else gets one of its own.
func TestShellByAttachAlone(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/rbac/persist.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	user := w.grant(t, "attacher", single(role.Rules))
	for _, before := range []string{"no helper", "a helper"} {
		x := w.start(t, "debug", "web", "--as", user)
		x.expect("using --persist")
		x.expect("# ")
		x.typed("ps; exit 3\r")
		x.expect("nginx: master")
		if code := x.exit(); code != 3 {
			t.Errorf("%s: exit code %d, the shell's was 3", before, code)
		}
		if out, err := w.plugin(t.Context(), "debug", "web", "--", "echo", "mine"); err != nil || out != "mine\n" {
			t.Errorf("%q, %v", out, err)
		}
	}
	if _, err := w.as(t, user, "debug web -- true"); err == nil || !strings.Contains(err.Error(), "pods/exec") {
		t.Errorf("a command without exec: %v", err)
	}
}

// leaveShell leaves a shell to attach to, where there is none.
func leaveShell(t *testing.T, w *environment) {
	t.Helper()
	out, err := w.plugin(t.Context(), "sessions", "web", "-o", "jsonpath={.items[*].persistent}")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "true") {
		return
	}
	x := w.start(t, "debug", "web", "--persist", "-q")
	x.expect("# ")
	x.typed("\x10\x11")
	if code := x.exit(); code != 0 {
		t.Fatalf("detached with exit code %d", code)
	}
}

// inShell runs a command that opens a shell, and types that it may go. The error has what the terminal showed.
func (w *environment) inShell(t *testing.T, args []string) error {
	t.Helper()
	x := w.start(t, args...)
	if err := poll(t.Context(), func() (bool, error) {
		select {
		case <-x.ended:
			return true, nil
		default:
			return strings.Contains(x.text(), "# "), nil
		}
	}); err != nil {
		t.Fatalf("no shell: %v; the screen has %q", err, x.text())
	}
	if strings.Contains(x.text(), "# ") {
		x.typed("exit\r")
	}
	if x.exit() == 0 {
		return nil
	}
	screen := x.whole()
	return errors.New(strings.ReplaceAll(screen[:strings.LastIndex(screen, "[all of it]")], "\r\n", "\n"))
}
