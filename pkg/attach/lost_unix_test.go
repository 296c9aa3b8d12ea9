// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// hole passes connections on until it has to swallow what comes: no end, no refusal, as a network that is gone.
type hole struct {
	address string
	mu      sync.Mutex
	swallow bool
}

func newHole(t *testing.T, to string) *hole {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{address: "http://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(to, "http://"))
			if err != nil {
				_ = near.Close()
				return
			}
			t.Cleanup(func() {
				_ = near.Close()
				_ = far.Close()
			})
			go h.pass(near, far)
			go h.pass(far, near)
		}
	}()
	return h
}

func (h *hole) pass(to io.Writer, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		h.mu.Lock()
		swallow := h.swallow
		h.mu.Unlock()
		if swallow {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (h *hole) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swallow = true
}

// throughHole serves a command over each wire, behind a hole.
func throughHole(run command) map[string]func(*testing.T) (attach.Exec, *hole) {
	list := map[string]func(*testing.T) (attach.Exec, *hole){}
	for wire, value := range map[string]string{"websocket": "true", "spdy": "false"} {
		list[wire] = func(t *testing.T) (attach.Exec, *hole) {
			t.Helper()
			t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", value)
			h := newHole(t, (&server{run: run}).address(t))
			return execAt(t, h.address).LoseAfter(hasty), h
		}
	}
	return list
}

// A shell whose network goes away without a word ends, and the terminal is as it was.
func TestShellWithoutNetworkIsLost(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "\x1b[?1049hready")
		<-c.gone
		return cutOff
	}
	for wire, serve := range throughHole(run) {
		t.Run(wire, func(t *testing.T) {
			e, hole := serve(t)
			d := newTestTerminal(t)
			ended := make(chan error, 1)
			go func() { ended <- e.Shell(t.Context(), []string{"sh"}, attach.NewTerminal(d.side, d.side, d.side)) }()
			d.shows(t, "ready")
			hole.open()
			if err := wait(t, ended); !errors.Is(err, attach.ErrLost) || !strings.HasPrefix(err.Error(), "exec in web/nginx: connection lost: ") {
				t.Errorf("got %v", err)
			}
			d.restored(t)
			d.shows(t, "\x1b[?1049l\x1b[0m\r\n")
		})
	}
}

func TestCommandWithoutInputAndNetworkIsLost(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "ready")
		<-c.gone
		return cutOff
	}
	for wire, serve := range throughHole(run) {
		t.Run(wire, func(t *testing.T) {
			e, hole := serve(t)
			out := writerFunc(func(p []byte) (int, error) {
				hole.open()
				return len(p), nil
			})
			if err := e.Run(t.Context(), []string{"tail", "-f"}, nil, out, nil); !errors.Is(err, attach.ErrLost) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A command that does not read its input keeps the answers to pings from coming too: that is no proof.
func TestSilenceWithInputIsNoLoss(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "ready")
		<-c.gone
		return cutOff
	}
	for wire, serve := range throughHole(run) {
		t.Run(wire, func(t *testing.T) {
			e, hole := serve(t)
			ready := make(chan struct{})
			out := writerFunc(func(p []byte) (int, error) {
				close(ready)
				return len(p), nil
			})
			input, typed := io.Pipe()
			defer typed.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- e.Run(ctx, []string{"sleep"}, input, out, nil) }()
			<-ready
			hole.open()
			<-time.After(10 * hasty)
			cause := errors.New("enough")
			cancel(cause)
			if err := wait(t, ended); !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A cut is no success over either protocol.
func TestCutIsLost(t *testing.T) {
	run := func(c *conversation) int {
		fmt.Fprint(c.stdout, "half of")
		c.cut()
		return cutOff
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			err := e.Run(t.Context(), []string{"x"}, strings.NewReader("input"), nil, nil)
			var exit *attach.ExitError
			if !errors.Is(err, attach.ErrLost) || errors.As(err, &exit) {
				t.Errorf("got %v", err)
			}
		})
	}
}
