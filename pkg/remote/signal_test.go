// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"errors"
	"io/fs"
	"os/exec"
	"syscall"
	"testing"
)

func TestKill(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			sleeper := exec.Command("sleep", "600")
			if err := sleeper.Start(); err != nil {
				t.Fatal(err)
			}
			defer sleeper.Process.Kill() // it may have ended
			list, err := Processes(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			p := find(t, list, sleeper.Process.Pid)
			later := p
			later.StartTicks++
			if err := Kill(t.Context(), r, later, SIGTERM); !errors.Is(err, ErrNoProcess) {
				t.Errorf("another process of that PID: %v", err)
			}
			if err := Kill(t.Context(), r, p, Signal(syscall.SIGUSR1)); err != nil {
				t.Errorf("kill: %v", err)
			}
			var exit *exec.ExitError
			if err := sleeper.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGUSR1 {
				t.Errorf("it ended with %v", err)
			}
			if err := Kill(t.Context(), r, p, SIGTERM); !errors.Is(err, ErrNoProcess) {
				t.Errorf("kill of what has ended: %v", err)
			}
		})
	}
}

func TestKillDenied(t *testing.T) {
	needRoot(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			child := startChild(t, childWaits, nil, nil)
			list, err := Processes(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			l.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			if err := Kill(t.Context(), l, find(t, list, child.cmd.Process.Pid), SIGTERM); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]Signal{
		"HUP": 1, "sigint": 2, "SIGKILL": 9, "Usr1": 10, "TERM": 15, "15": 15, "SYS": 31, "64": 64, "1": 1,
	} {
		if got, ok := ParseSignal(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "SIG", "0", "65", "-9", "SIGSIGHUP", "H UP", "9x"} {
		if got, ok := ParseSignal(text); ok {
			t.Errorf("%q passed for signal %d", text, got)
		}
	}
	if got := Signal(syscall.SIGWINCH).String(); got != "WINCH" {
		t.Errorf("got %s", got)
	}
	if got := Signal(40).String(); got != "40" {
		t.Errorf("got %s", got)
	}
}
