// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

// lostWithin is the time after which a session whose network is gone is taken for one that never notices. It should within 30
// seconds; how long it takes is measured, not tested.
const lostWithin = 2 * time.Minute

// hole is a hop in front of the API server that passes bytes on until it swallows them all: a network that is gone sends
// no end.
type hole struct {
	url     string
	swallow atomic.Bool
}

func newHole(t *testing.T, w *environment) *hole {
	t.Helper()
	host, err := url.Parse(w.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	server := *host
	server.Host = listener.Addr().String()
	h := &hole{url: server.String()}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", host.Host)
			if err != nil {
				_ = near.Close()
				continue
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

func (h *hole) pass(to io.WriteCloser, from io.Reader) {
	buffer := make([]byte, 32*1024)
	for {
		n, err := from.Read(buffer)
		if h.swallow.Load() {
			if err != nil {
				return
			}
			continue
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// transports are the environments for the two ways of a stream.
func transports() map[string][]string {
	return map[string][]string{"websocket": nil, "spdy": {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"}}
}

// A shell that nobody types in for longer than a dead network is waited for is alive; when the network does go, without a
// word, the session ends, the terminal is as it was, and the way back is printed and works.
func TestShellWithoutNetwork(t *testing.T) {
	full(t)
	t.Parallel()
	for wire, env := range transports() {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			w := testEnvironment(t)
			if err := w.apply(t.Context(), onePod, "web"); err != nil {
				t.Fatal(err)
			}
			h := newHole(t, w)
			x := w.startWith(t, env, "debug", "web", "--server", h.url)
			x.expect("# ")
			select {
			case <-x.ended:
				t.Fatalf("an idle shell ended; the screen has %q", x.text())
			case <-time.After(35 * time.Second):
			}
			x.typed("echo $((40+2))\r")
			x.expect("42\r\n")
			x.expect("# ")
			x.typed(`printf '\033[?1049h\033[?25l\033[?2004hdr''awn'` + "\r")
			x.expect("drawn")
			x.expect("# ")
			h.swallow.Store(true)
			begun := time.Now()
			if code := x.exitWithin(lostWithin); code != 1 {
				t.Errorf("exit code %d", code)
			}
			t.Logf("noticed after %s", time.Since(begun).Round(100*time.Millisecond))
			output := x.whole()
			if left := modesLeft(output); len(left) > 0 {
				t.Errorf("modes %v are left on the terminal: %q", left, output)
			}
			if !strings.Contains(output, "connection lost") {
				t.Errorf("the loss is not reported: %q", output)
			}
			way := wayBack(t, output, lostTry)
			if out, err := w.plugin(t.Context(), append(way, "--", "echo", "back")...); err != nil || out != "back\n" {
				t.Errorf("%q: %q, %v", way, out, err)
			}
		})
	}
}

// A command without input is no different.
func TestCommandWithoutNetwork(t *testing.T) {
	full(t)
	t.Parallel()
	for wire, env := range transports() {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			w := testEnvironment(t)
			if err := w.apply(t.Context(), onePod, "web"); err != nil {
				t.Fatal(err)
			}
			h := newHole(t, w)
			x := w.startWith(t, env, "debug", "web", "-t=false", "--server", h.url, "--", "sh", "-c", "echo begun; sleep 7654")
			x.expect("begun\r\n")
			h.swallow.Store(true)
			if code := x.exitWithin(lostWithin); code != 1 {
				t.Errorf("exit code %d", code)
			}
			x.expect("connection lost")
		})
	}
}

// A client that is killed undoes nothing. What its command left ends all the same, its children included: over SPDY the runtime
// kills the first process of each stream itself.
func TestWhatAKilledClientLeftEnds(t *testing.T) {
	full(t)
	t.Parallel()
	for wire, env := range transports() {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			w := testEnvironment(t)
			if err := w.apply(t.Context(), onePod, "web"); err != nil {
				t.Fatal(err)
			}
			client := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), "debug", "web", "-q", "--", "sh", "-c", "sleep 7656; :")
			client.Env = append(append(os.Environ(), w.env()...), env...)
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			w.awaitProcess(t, "sleep 7656", launch.WatchdogName)
			if err := client.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = client.Wait()
			w.awaitNoProcess(t, "sleep 7656")
		})
	}
}
