// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// shells are what the script is tested with: the machine's sh and, where there is one, nothing but busybox. Each is a PATH.
func shells(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"sh": os.Getenv("PATH")}
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			return all
		}
	}
	dir := t.TempDir()
	for _, tool := range []string{"sh", "grep", "tr", "sleep"} {
		if err := os.Symlink(busybox, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	all["busybox"] = dir
	return all
}

// fakeProc is a /proc made of files, and the helper's state file.
type fakeProc struct {
	t           *testing.T
	proc, state string
}

const (
	ownGroup   = "3:cpu:/\n12:devices:/kubepods/pod1/helper\n"
	otherGroup = "3:cpu:/\n12:devices:/kubepods/pod1/nginx\n"
)

func newFakeProc(t *testing.T) fakeProc {
	t.Helper()
	dir := t.TempDir()
	return fakeProc{t, dir, filepath.Join(dir, "state")}
}

func (h fakeProc) process(pid string, parent int, state, group, cmdline string) {
	h.t.Helper()
	dir := filepath.Join(h.proc, pid)
	if err := os.Mkdir(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	number := pid
	if pid == "self" {
		number = "70"
	}
	// The name of a process is whatever it likes to be.
	stat := fmt.Sprintf("%s (a) R 1\n (b) %s %d 0 0\n", number, state, parent)
	if pid == "self" {
		stat = fmt.Sprintf("%s (sh) %s %d 0 0\n", number, state, parent)
	}
	for name, text := range map[string]string{"stat": stat, "cgroup": group, "cmdline": cmdline} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

// sleeper is a real process to stand for the helper's own; gone tells how it ended.
func sleeper(t *testing.T) (pid int, gone func() syscall.Signal) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, func() syscall.Signal {
		_ = cmd.Process.Signal(syscall.SIGUSR1) // where nothing ended it
		exit, _ := errors.AsType[*exec.ExitError](cmd.Wait())
		return exit.Sys().(syscall.WaitStatus).Signal()
	}
}

func TestHelperScript(t *testing.T) {
	const waitLine = "sh\x00-c\x00eval \"$SHAREPROC_WAIT\"\x00shareproc\x00600\x00"
	type scene struct {
		fakeProc
		pid int
	}
	quiet := func(w scene) {
		w.process(strconv.Itoa(w.pid), 0, "S", ownGroup, waitLine)
		w.process("10", w.pid, "S", ownGroup, "sleep\x005\x00")
		w.process("1", 0, "S", otherGroup, "nginx\x00")
		w.process("70", 0, "R", ownGroup, "sh\x00-c\x00...\x00shareproc-look\x00look\x00")
		w.process("71", 70, "R", ownGroup, "grep\x00")
		// Somebody else looks at the same time.
		w.process("80", 0, "S", ownGroup, "sh\x00-c\x00...\x00shareproc-look\x00end\x00")
		w.process("81", 80, "S", ownGroup, "grep\x00")
		w.process("82", 1, "Z", ownGroup, "")
	}
	// A helper that keeps a shell: the container's process 60, and its children the watcher and the shell.
	shell := func(w scene) {
		quiet(w)
		w.process("60", 0, "S", ownGroup, "sh\x00-c\x00eval \"$SHAREPROC_WAIT\"\x00shareproc\x00600\x00")
		w.process("61", 60, "S", ownGroup, "sh\x00")
	}
	all := shells(t)
	for _, c := range []struct {
		what  string
		state string // %d is the helper's own process
		set   func(scene)
		want  string
		out   string
		code  int
		ended bool
	}{
		{"a look", "process %d idle 25\n", quiet, wantLook, "idle 25 used 0\n", 0, false},
		{"the end", "process %d idle 25\n", quiet, wantEnd, "idle 25 used 0\n", 0, true},
		{"in use", "process %d idle 0\n", func(w scene) {
			quiet(w)
			w.process("90", 0, "S", ownGroup, "sleep\x001000\x00")
		}, wantEnd, "idle 0 used 1\n", exitInUse, false},
		{"in use by what lost its parent", "process %d idle 0\n", func(w scene) {
			quiet(w)
			w.process("90", 1, "S", ownGroup, "sleep\x001000\x00")
		}, wantLook, "idle 0 used 1\n", 0, false},
		{"in use, by force", "process %d idle 0\n", func(w scene) {
			quiet(w)
			w.process("90", 0, "S", ownGroup, "sleep\x001000\x00")
		}, wantForce, "idle 0 used 1\n", 0, true},
		{"a shell at rest", "process %d idle 25 60\n", shell, wantEnd, "idle 25 used 0\n", 0, true},
		{"a shell in which a command runs", "process %d idle 0 60\n", func(w scene) {
			shell(w)
			w.process("62", 61, "S", ownGroup, "sleep\x001000\x00")
		}, wantEnd, "idle 0 used 1\n", exitInUse, false},
		{"a shell of a process that is none", "process %d idle 0 $(id)\n", shell, wantForce, "", exitNoProcess, false},
		{"no state", "", quiet, wantForce, "", exitNoProcess, false},
		{"a state that is none", "process $(id) idle 1\n", quiet, wantForce, "", exitNoProcess, false},
		{"a state that nobody writes", "a pipe", quiet, wantForce, "", exitNoProcess, false},
		{"half a state", "process %d", quiet, wantForce, "", exitNoProcess, false},
		{"a process of another container", "process %d idle 5\n", func(w scene) {
			w.process(strconv.Itoa(w.pid), 0, "S", otherGroup, waitLine)
		}, wantForce, "", exitNoProcess, false},
		{"a process that is not the helper's own", "process %d idle 5\n", func(w scene) {
			w.process(strconv.Itoa(w.pid), 0, "S", ownGroup, "sleep\x001000\x00")
		}, wantForce, "", exitNoProcess, false},
		{"a process that is gone", "process %d idle 5\n", func(scene) {}, wantForce, "", exitNoProcess, false},
	} {
		for shell, path := range all {
			t.Run(c.what+", under "+shell, func(t *testing.T) {
				t.Parallel()
				h := newFakeProc(t)
				pid, gone := sleeper(t)
				h.process("self", 0, "R", ownGroup, "sh\x00")
				c.set(scene{h, pid})
				text := c.state
				if strings.Contains(text, "%d") {
					text = fmt.Sprintf(text, pid)
				}
				if text == "a pipe" {
					if err := syscall.Mkfifo(h.state, 0o600); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(h.state, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				argv := helperCommand(c.want, h.state, h.proc)
				cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
				if shell == "busybox" {
					cmd.Path = filepath.Join(path, "sh")
				}
				cmd.Env = []string{"PATH=" + path}
				var out, errOut bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errOut
				_ = cmd.Run() // its exit code is looked at
				if code := cmd.ProcessState.ExitCode(); out.String() != c.out || code != c.code || errOut.Len() > 0 {
					t.Errorf("exit code %d, %q, stderr %q", code, out.String(), errOut.String())
				}
				if ended := gone() == syscall.SIGTERM; ended != c.ended {
					t.Errorf("ended: %v", ended)
				}
			})
		}
	}
}
