// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// An ending of a session in a terminal, while a program has the screen.
type ending struct {
	name string
	args []string // of debug, beside the pod
	do   func(*environment, *terminal) error
	code int    // -1: any but 0
	said string // what the one line says that names the cause; "" where none is needed
}

func byTyping(keys string) func(*environment, *terminal) error {
	return func(_ *environment, x *terminal) error {
		_, err := x.master.WriteString(keys)
		return err
	}
}

func bySignal(signals ...os.Signal) func(*environment, *terminal) error {
	return func(_ *environment, x *terminal) error {
		for _, signal := range signals {
			if err := x.cmd.Process.Signal(signal); err != nil {
				return err
			}
		}
		return nil
	}
}

func byPlugin(args ...string) func(*environment, *terminal) error {
	return func(w *environment, x *terminal) error {
		_, err := w.plugin(x.t.Context(), args...)
		return err
	}
}

func byKubectl(args ...string) func(*environment, *terminal) error {
	return func(w *environment, x *terminal) error {
		_, err := w.kubectl(x.t.Context(), args...)
		return err
	}
}

func endings() []ending {
	return []ending{
		{"the shell's exit", nil, byTyping("exit\r"), 0, ""},
		{"the shell's exit with a code", nil, byTyping("exit 42\r"), 42, ""},
		{"the end of input", nil, byTyping("\x04"), 0, ""},
		{"the shell is killed", nil, byTyping("kill -9 $$\r"), 137, ""},
		{"the interrupt of another program", nil, bySignal(syscall.SIGINT), 130, ""},
		{"SIGTERM", nil, bySignal(syscall.SIGTERM), 130, ""},
		{"SIGHUP", nil, bySignal(syscall.SIGHUP), 130, ""},
		{"SIGQUIT", nil, bySignal(syscall.SIGQUIT), 130, ""},
		{"signals one upon the other", nil, bySignal(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP), 130, ""},
		{"clean by another", nil, byPlugin("clean", "web", "--yes", "--all", "--force"), -1, `session ended: container shareproc-`},
		{"the target ends", nil, byPlugin("signal", "web", "1", "QUIT", "-q"), -1, `session ended: container nginx in pod/web (restarted|terminated)`},
		{"the pod is deleted", nil, byKubectl("delete", "pod", "web", "--now", "--wait=false"), -1, `session ended: pod/web (is being|was) deleted`},
		{"a copy's shell ends", []string{"--copy"}, byTyping("exit 3\r"), 3, ""},
		{"a copy is deleted", []string{"--copy"}, byKubectl("delete", "pods", "--now", "--wait=false", "--field-selector=metadata.name!=web"), -1, `session ended: pod/web-shareproc-.* (is being|was) deleted`},
		{"a shell that stays is left by its keys", []string{"--persist"}, byTyping("\x10\x11"), 0, ""},
		{"a shell that stays ends", []string{"--persist"}, byTyping("exit 42\r"), 42, ""},
		{"a shell that stays is left by SIGTERM", []string{"--persist"}, bySignal(syscall.SIGTERM), 130, ""},
		{"the target of a shell that stays ends", []string{"--persist"}, byPlugin("signal", "web", "1", "QUIT", "-q"), -1, `session ended: container nginx in pod/web (restarted|terminated)`},
		{"a copy ends by SIGTERM", []string{"--copy"}, bySignal(syscall.SIGTERM), 130, ""},
	}
}

// Whatever ends a session, the terminal is as it was: its settings (exit looks at them), cursor, screen, ways of
// pasting and of reporting the mouse.
func TestTerminalAfterEveryEnding(t *testing.T) {
	full(t)
	t.Parallel()
	for _, end := range endings() {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			w := testEnvironment(t)
			if err := w.apply(t.Context(), onePod, "web"); err != nil {
				t.Fatal(err)
			}
			x := w.start(t, append([]string{"debug", "web"}, end.args...)...)
			x.expect("# ")
			// The last of several sizes in a row is the one that arrives.
			for i := range uint16(20) {
				if err := pty.Setsize(x.master, &pty.Winsize{Cols: 90 + i, Rows: 30}); err != nil {
					t.Fatal(err)
				}
			}
			x.typed("until stty size | grep '^30 109'; do :; done\r")
			x.expect("30 109\r\n")
			x.expect("# ")
			x.typed(`printf '\033[?1049h\033[?25l\033[?2004h\033[?1000;1006hdr''awn'` + "\r")
			x.expect("drawn")
			x.expect("# ")
			if err := end.do(w, x); err != nil {
				t.Fatal(err)
			}
			code := x.exit()
			if code != end.code && (end.code != -1 || code == 0) {
				t.Errorf("exit code %d, want %d", code, end.code)
			}
			output := x.whole()
			if said := regexp.MustCompile(`session ended: [^\r]*`).FindAllString(output, -1); len(said) != min(len(end.said), 1) ||
				end.said != "" && !regexp.MustCompile(end.said).MatchString(said[0]) {
				t.Errorf("the end is reported as %q, want one line with %q: %q", said, end.said, output)
			}
			if len(modesLeft(output)) > 0 {
				t.Errorf("modes %v are left on the terminal: %q", modesLeft(output), output)
			}
			if len(end.args) > 0 {
				w.awaitNoCopy(t)
			}
		})
	}
}

// modesLeft gives the private modes whose last sequence is not the terminal's own state.
func modesLeft(output string) map[string]string {
	left := map[string]string{}
	for _, match := range regexp.MustCompile(`\x1b\[\?([0-9;]+)([hl])`).FindAllStringSubmatch(output, -1) {
		for mode := range strings.SplitSeq(match[1], ";") {
			left[mode] = match[2]
			if (mode == "25") == (match[2] == "h") {
				delete(left, mode)
			}
		}
	}
	return left
}

// whole is everything that the terminal was sent until now.
func (x *terminal) whole() string {
	x.t.Helper()
	const mark = "[all of it]"
	if _, err := x.slave.WriteString(mark); err != nil {
		x.t.Fatal(err)
	}
	x.expect(mark)
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.String()
}
