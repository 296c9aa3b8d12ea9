// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestKill(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			sleeper := exec.Command("sleep", "600")
			if err := sleeper.Start(); err != nil {
				t.Fatal(err)
			}
			defer sleeper.Process.Kill() // it may have ended
			list, err := processes(t.Context(), r, "/proc")
			if err != nil {
				t.Fatal(err)
			}
			p := find(t, list, sleeper.Process.Pid)
			later := p
			later.StartTicks++
			if err := Kill(t.Context(), r, later, Signal(syscall.SIGTERM)); !errors.Is(err, remote.ErrNoProcess) {
				t.Errorf("another process of that PID: %v", err)
			}
			if err := Kill(t.Context(), r, p, Signal(syscall.SIGUSR1)); err != nil {
				t.Errorf("kill: %v", err)
			}
			var exit *exec.ExitError
			if err := sleeper.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGUSR1 {
				t.Errorf("it ended with %v", err)
			}
			if err := Kill(t.Context(), r, p, Signal(syscall.SIGTERM)); !errors.Is(err, remote.ErrNoProcess) {
				t.Errorf("kill of what has ended: %v", err)
			}
		})
	}
}

func TestKillDenied(t *testing.T) {
	helper.NeedRoot(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			child := helper.StartChild(t, helper.Waits, nil, nil)
			list, err := processes(t.Context(), l, "/proc")
			if err != nil {
				t.Fatal(err)
			}
			l.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			if err := Kill(t.Context(), l, find(t, list, child.Cmd.Process.Pid), Signal(syscall.SIGTERM)); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]Signal{
		"HUP": 1, "sigint": 2, "SIGKILL": 9, "Usr1": 10, "TERM": 15, "15": 15, "SYS": 31, "64": 64, "1": 1,
		"RTMIN": 34, "SIGRTMIN+3": 37, "rtmax-14": 50, "RTMAX": 64, "RTMIN+30": 64, "RTMAX-30": 34,
	} {
		if got, ok := ParseSignal(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "SIG", "0", "65", "-9", "SIGSIGHUP", "H UP", "9x", "RTMIN3", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMAX-31", "RTMIN+", "RT"} {
		if got, ok := ParseSignal(text); ok {
			t.Errorf("%q passed for signal %d", text, got)
		}
	}
	if got := Signal(syscall.SIGWINCH).String(); got != "WINCH" {
		t.Errorf("got %s", got)
	}
	for s := Signal(1); s <= 64; s++ {
		if got, ok := ParseSignal(s.String()); !ok || got != s {
			t.Errorf("signal %d is %q, which is read as %d, %v", s, s, got, ok)
		}
	}
	if got := Signal(40).String(); got != "RTMIN+6" {
		t.Errorf("got %s", got)
	}
}

// A dyingRunner drops everything from a byte of the output on, as a helper that dies in its pod's process namespace.
type dyingRunner struct {
	helper.Local
	until string // the last of what passes
}

func (d dyingRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, die := context.WithCancelCause(ctx)
	defer die(nil)
	var passed []byte
	ended := make(chan error, 1)
	out := helper.WriterFunc(func(p []byte) (int, error) {
		for _, b := range p {
			if bytes.HasSuffix(passed, []byte(d.until)) {
				die(errors.New("exit code 137"))
				return len(p), nil
			}
			passed = append(passed, b)
			if _, err := stdout.Write([]byte{b}); err != nil {
				return 0, err
			}
		}
		return len(p), nil
	})
	go func() { ended <- d.Local.Run(ctx, argv, stdin, out, stderr) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A signal that ends the helper's whole process namespace has done its work. One that was not sent has not.
func TestKillThatEndsTheHelper(t *testing.T) {
	for name, r := range helper.Runners(t) {
		for until, sent := range map[string]bool{".": true, "": false} {
			t.Run(fmt.Sprintf("%s, %q", name, until), func(t *testing.T) {
				sleeper := exec.Command("sleep", "600")
				if err := sleeper.Start(); err != nil {
					t.Fatal(err)
				}
				defer sleeper.Wait()         // a signal's end is wanted
				defer sleeper.Process.Kill() // it may have ended
				list, err := processes(t.Context(), r, "/proc")
				if err != nil {
					t.Fatal(err)
				}
				err = Kill(t.Context(), dyingRunner{r, until}, find(t, list, sleeper.Process.Pid), Signal(syscall.SIGTERM))
				if (err == nil) != sent {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
