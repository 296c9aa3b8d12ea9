// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// kennel is a far side that tells leashes from commands.
type kennel struct {
	refuse  bool          // leashes end at once
	command command       // what the session runs
	heard   chan string   // what the leash was told, to its end
	marks   chan string   // of leash and command, in turn
	mu      sync.Mutex    // guards leash
	leash   *conversation // the one that holds now
}

func newKennel(run command) *kennel {
	return &kennel{command: run, heard: make(chan string, 10), marks: make(chan string, 10)}
}

func (k *kennel) run(c *conversation) int {
	argv := c.query["command"]
	if argv[0] == "env" {
		mark, _ := strings.CutPrefix(argv[1], "SHAREPROC_SESSION=")
		k.marks <- mark
		return k.command(c)
	}
	k.marks <- argv[len(argv)-1]
	if k.refuse {
		return 127
	}
	k.mu.Lock()
	k.leash = c
	k.mu.Unlock()
	fmt.Fprintln(c.stdout, "ready")
	said, _ := io.ReadAll(c.stdin)
	k.heard <- string(said)
	return 0
}

func TestLeashIsToldOfANormalEnd(t *testing.T) {
	k := newKennel(func(c *conversation) int {
		_, _ = io.Copy(c.stdout, c.stdin)
		return 6
	})
	overBoth(t, k.run, func(t *testing.T, e attach.Exec) {
		var back lockedBuffer
		var exit *attach.ExitError
		err := e.Leashed().Run(t.Context(), []string{"cat"}, strings.NewReader("hello"), &back, nil)
		if !errors.As(err, &exit) || exit.Code != 6 || back.String() != "hello" {
			t.Errorf("got %v and %q", err, back.String())
		}
		if said := wait(t, k.heard); said != "bye\n" {
			t.Errorf("the leash heard %q", said)
		}
		if leash, session := <-k.marks, <-k.marks; leash != session || len(leash) < 20 {
			t.Errorf("the leash holds %q, the session is %q", leash, session)
		}
	})
}

func TestLeashIsLetGoWhenTheSessionIsCancelled(t *testing.T) {
	k := newKennel(func(c *conversation) int {
		fmt.Fprint(c.stdout, "x")
		<-c.gone
		return cutOff
	})
	overBoth(t, k.run, func(t *testing.T, e attach.Exec) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("pod was deleted")
		out := writerFunc(func(p []byte) (int, error) { cancel(cause); return len(p), nil })
		if err := e.Leashed().Run(ctx, []string{"top"}, nil, out, nil); !errors.Is(err, cause) {
			t.Errorf("got %v, want %v", err, cause)
		}
		if said := wait(t, k.heard); said != "" {
			t.Errorf("the leash heard %q", said)
		}
	})
}

func TestSessionEndsWithItsLeash(t *testing.T) {
	k := newKennel(func(c *conversation) int {
		<-c.gone
		return cutOff
	})
	e := (&server{run: k.run}).start(t)
	ended := make(chan error, 1)
	go func() { ended <- e.Leashed().Run(t.Context(), []string{"top"}, nil, nil, nil) }()
	_, _ = wait(t, k.marks), wait(t, k.marks)
	k.mu.Lock()
	k.leash.cut()
	k.mu.Unlock()
	if err := wait(t, ended); err == nil || !strings.HasPrefix(err.Error(), "hold session: ") {
		t.Errorf("got %v", err)
	}
}

func TestNothingRunsWithoutItsLeash(t *testing.T) {
	k := newKennel(func(*conversation) int { return 0 })
	k.refuse = true
	e := (&server{run: k.run}).start(t)
	err := e.Leashed().Run(t.Context(), []string{"top"}, nil, nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "hold session: ") {
		t.Errorf("got %v", err)
	}
	if wait(t, k.marks); len(k.marks) != 0 {
		t.Error("the command was started")
	}
}

// TestLeashScript runs the script on this machine. Whatever it might end carries a mark of its own.
func TestLeashScript(t *testing.T) {
	k := newKennel(func(*conversation) int { return 0 })
	var argv []string
	e := (&server{run: func(c *conversation) int {
		if command := c.query["command"]; command[0] == "sh" {
			argv = command
		}
		return k.run(c)
	}}).start(t)
	if err := e.Leashed().Run(t.Context(), []string{"true"}, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("this machine has no /proc, as a container has")
	}
	for _, tool := range append([]string{"env", "grep", "sleep", "tr"}, argv[0]) {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this machine has no %s", tool)
		}
	}
	t.Run("bye", func(t *testing.T) {
		held := startHeld(t, argv[len(argv)-1])
		leash, listen := startLeash(t, argv)
		_, _ = io.WriteString(listen, "bye\n")
		if err := leash.Wait(); err != nil {
			t.Errorf("the leash ended with %v", err)
		}
		select {
		case err := <-held:
			t.Errorf("the session ended with %v", err)
		default:
		}
	})
	t.Run("cut", func(t *testing.T) {
		held, other := startHeld(t, argv[len(argv)-1]), startHeld(t, argv[len(argv)-1]+"x")
		leash, listen := startLeash(t, argv)
		_ = listen.Close()
		if err := wait(t, held); err == nil || err.Error() != "signal: hangup" {
			t.Errorf("the session ended with %v", err)
		}
		_ = leash.Wait() // Its last kill finds nobody, which is its status.
		select {
		case err := <-other:
			t.Errorf("another session ended with %v", err)
		default:
		}
	})
}

// startHeld starts a process that carries a mark, and tells when it has ended.
func startHeld(t *testing.T, mark string) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	process := exec.CommandContext(ctx, "env", "SHAREPROC_SESSION="+mark, "sh", "-c", "echo on; exec sleep 60")
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended, gone := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- process.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
	})
	return ended
}

// startLeash starts the script and waits until it holds.
func startLeash(t *testing.T, argv []string) (*exec.Cmd, io.WriteCloser) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	t.Cleanup(cancel)
	leash := exec.CommandContext(ctx, argv[0], argv[1:]...)
	leash.WaitDelay = time.Second
	listen, err := leash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := leash.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := leash.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the leash says %q, %v", line, err)
	}
	return leash, listen
}
