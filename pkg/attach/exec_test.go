// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// runner is remote.Runner, said again: the two packages do not import each other.
type runner interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
}

var _ runner = attach.Exec{}

// wires serves a command over WebSocket, and over SPDY.
func wires() map[string]func(*testing.T, command) attach.Exec {
	return map[string]func(*testing.T, command) attach.Exec{
		"websocket": func(t *testing.T, run command) attach.Exec {
			t.Helper()
			return (&server{run: run}).start(t)
		},
		"spdy": func(t *testing.T, run command) attach.Exec {
			t.Helper()
			t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false")
			return (&server{run: run}).start(t)
		},
	}
}

func TestRunKeepsStreamsApart(t *testing.T) {
	asked := make(chan *conversation, 1)
	run := func(c *conversation) int {
		asked <- c
		fmt.Fprint(c.stdout, "to stdout")
		fmt.Fprint(c.stderr, "to stderr")
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			var stdout, stderr bytes.Buffer
			argv := []string{"sh", "-c", `echo "$1"`, "sh", "a b;c\n"}
			if err := e.Run(t.Context(), argv, nil, &stdout, &stderr); err != nil {
				t.Fatal(err)
			}
			if stdout.String() != "to stdout" || stderr.String() != "to stderr" {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
			c := <-asked
			if want := "/api/v1/namespaces/shop/pods/web/exec"; c.path != want {
				t.Errorf("path %s, want %s", c.path, want)
			}
			if !reflect.DeepEqual(c.query["command"], argv) || c.query.Get("container") != "nginx" {
				t.Errorf("asked for %q in %q", c.query["command"], c.query["container"])
			}
			if c.query.Has("stdin") || c.query.Has("tty") {
				t.Errorf("asked for streams that nobody wanted: %v", c.query)
			}
		})
	}
}

func TestRunGivesExitCode(t *testing.T) {
	for _, code := range []int{1, 44, 255} {
		run := func(*conversation) int { return code }
		for wire, serve := range wires() {
			t.Run(wire, func(t *testing.T) {
				e := serve(t, run)
				var exit *attach.ExitError
				err := e.Run(t.Context(), []string{"false"}, nil, nil, nil)
				if !errors.As(err, &exit) || exit.ExitCode() != code {
					t.Errorf("got %v, want exit code %d", err, code)
				}
			})
		}
	}
}

func TestRunClosesRemoteStdinAtItsEnd(t *testing.T) {
	sent := strings.Repeat("0123456789abcdef", 1<<16)
	run := func(c *conversation) int {
		if _, err := io.Copy(c.stdout, c.stdin); err != nil {
			return 1
		}
		fmt.Fprint(c.stdout, "|end")
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			var back bytes.Buffer
			if err := e.Run(t.Context(), []string{"cat"}, strings.NewReader(sent), &back, nil); err != nil {
				t.Fatal(err)
			}
			if back.String() != sent+"|end" {
				t.Errorf("got %d bytes back, want %d", back.Len(), len(sent)+4)
			}
		})
	}
}

// TestRunTakesOneBufferForBoth fails under the race detector when the two streams write at the same time.
func TestRunTakesOneBufferForBoth(t *testing.T) {
	run := func(c *conversation) int {
		var both sync.WaitGroup
		for _, w := range []io.Writer{c.stdout, c.stderr} {
			both.Go(func() {
				for range 200 {
					fmt.Fprint(w, "line\n")
				}
			})
		}
		both.Wait()
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			var all bytes.Buffer
			if err := e.Run(t.Context(), []string{"x"}, nil, &all, &all); err != nil {
				t.Fatal(err)
			}
			if want := strings.Repeat("line\n", 400); all.String() != want {
				t.Errorf("got %d bytes, want %d", all.Len(), len(want))
			}
		})
	}
}

// flood writes until the client is gone.
func flood(c *conversation) int {
	for {
		select {
		case <-c.gone:
			return cutOff
		default:
			if _, err := fmt.Fprintln(c.stdout, strings.Repeat("y", 1000)); err != nil {
				return cutOff
			}
		}
	}
}

func TestCancelReturnsItsCauseAndWritesNoMore(t *testing.T) {
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, flood)
			before := copying()
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("pod was deleted")
			var returned, late atomic.Bool
			out := writerFunc(func(p []byte) (int, error) {
				if returned.Load() {
					late.Store(true)
				}
				cancel(cause)
				return len(p), nil
			})
			err := e.Run(ctx, []string{"yes"}, newBlockedReader(t), out, nil)
			returned.Store(true)
			if !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
			settle(t, "client-go's copying ends", func() bool { return copying() <= before })
			if late.Load() {
				t.Error("a write came after Run had returned")
			}
		})
	}
}

func TestCancelWhileConnecting(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	asked, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	exec := startHandler(t, func() { close(asked); <-leave })
	go func() {
		<-asked
		cancel(cause)
	}()
	if err := exec.Run(ctx, []string{"x"}, nil, nil, nil); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	if err := exec.Run(ctx, []string{"x"}, nil, nil, nil); !errors.Is(err, cause) {
		t.Errorf("with a context that is done: got %v, want %v", err, cause)
	}
}

func TestCancelWithStuckWriter(t *testing.T) {
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, flood)
			ctx, cancel := context.WithCancel(t.Context())
			leave := make(chan struct{})
			defer close(leave)
			out := writerFunc(func(p []byte) (int, error) {
				cancel()
				<-leave
				return len(p), nil
			})
			if err := e.Run(ctx, []string{"yes"}, nil, out, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestClosedPipeOnStdoutEndsTheRun(t *testing.T) {
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, flood)
			reading, writing, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer writing.Close()
			_ = reading.Close()
			err = e.Run(t.Context(), []string{"yes"}, nil, writing, nil)
			if !errors.Is(err, syscall.EPIPE) || !strings.HasPrefix(err.Error(), "write stdout: ") {
				t.Errorf("got %v, want EPIPE", err)
			}
		})
	}
}

// TestLastWriteFailing is a full disk that shows with the last bytes: the command itself has succeeded.
func TestLastWriteFailing(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stderr, "x")
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			full := writerFunc(func([]byte) (int, error) { return 0, syscall.ENOSPC })
			if err := e.Run(t.Context(), []string{"x"}, nil, nil, full); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v, want ENOSPC", err)
			}
			short := writerFunc(func([]byte) (int, error) { return 0, nil })
			if err := e.Run(t.Context(), []string{"x"}, nil, nil, short); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("got %v, want a short write", err)
			}
		})
	}
}

func TestFailingStdinIsToldFirst(t *testing.T) {
	run := func(c *conversation) int {
		_, _ = io.Copy(io.Discard, c.stdin)
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			broken := io.MultiReader(strings.NewReader("half of it"), readerFunc(func([]byte) (int, error) { return 0, syscall.EIO }))
			err := e.Run(t.Context(), []string{"cat"}, broken, nil, nil)
			if !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "read stdin: ") {
				t.Errorf("got %v, want EIO", err)
			}
		})
	}
}

func TestPanicOfALocalStreamReachesTheCaller(t *testing.T) {
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, flood)
			defer func() {
				if value := recover(); !strings.Contains(fmt.Sprint(value), "of the writer's own") {
					t.Errorf("recovered %v", value)
				}
			}()
			out := writerFunc(func([]byte) (int, error) { panic("of the writer's own") })
			err := e.Run(t.Context(), []string{"yes"}, nil, out, nil)
			t.Errorf("returned %v", err)
		})
	}
}

func TestNoGoroutineStaysBehind(t *testing.T) {
	run := func(c *conversation) int {
		_, _ = io.CopyN(c.stdout, c.stdin, 4)
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			run := func() {
				var back bytes.Buffer
				if err := e.Run(t.Context(), []string{"head", "-c4"}, strings.NewReader("ping pong"), &back, nil); err != nil {
					t.Fatal(err)
				}
				if back.String() != "ping" {
					t.Fatalf("got %q", &back)
				}
			}
			run()
			before := runtime.NumGoroutine()
			for range 20 {
				run()
			}
			settle(t, "goroutines go", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

// TestClientGoStaysSilent: what it logs of a broken stream would land on the user's terminal.
func TestClientGoStaysSilent(t *testing.T) {
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, flood)
			before := copying()
			var shown, detailed lockedBuffer
			full := writerFunc(func([]byte) (int, error) { return 0, syscall.ENOSPC })
			for verbosity, log := range map[int]*lockedBuffer{0: &shown, 4: &detailed} {
				write := func(prefix, args string) { fmt.Fprintln(log, prefix, args) }
				ctx := klog.NewContext(t.Context(), funcr.New(write, funcr.Options{Verbosity: verbosity}))
				if err := e.Run(ctx, []string{"yes"}, nil, full, nil); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("got %v, want ENOSPC", err)
				}
			}
			settle(t, "a failed copy is logged at level 4", func() bool {
				return strings.Contains(detailed.String(), "Copying stdout failed")
			})
			settle(t, "client-go's copying ends", func() bool { return copying() <= before })
			if shown.String() != "" {
				t.Errorf("logged %q", shown.String())
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	e := execAt(t, "http://127.0.0.1:1")
	if err := e.Run(t.Context(), []string{"true"}, nil, nil, nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}
