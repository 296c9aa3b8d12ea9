// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

func attached(t *testing.T, e attach.Exec, d *testTerminal) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		ended <- e.Attach(t.Context(), attach.NewTerminal(d.side, d.side, d.side), attach.Keys("\x10\x11"))
	}()
	return ended
}

// What is typed before the keys arrives, the process is left alone, and the terminal is as it was.
func TestAttachAndDetach(t *testing.T) {
	typed, asked := make(chan string, 1), make(chan *conversation, 1)
	run := func(c *conversation) int {
		asked <- c
		fmt.Fprint(c.stdout, "\x1b[?1049hready")
		all, _ := io.ReadAll(c.stdin)
		typed <- string(all)
		return cutOff
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			d := newTestTerminal(t)
			ended := attached(t, serve(t, run), d)
			d.shows(t, "ready")
			d.typeIn(t, "x=1\r\x10\x10\x11")
			if err := wait(t, ended); !errors.Is(err, attach.ErrDetached) {
				t.Errorf("got %v", err)
			}
			if got := <-typed; got != "x=1\r\x10" {
				t.Errorf("%q arrived", got)
			}
			d.restored(t)
			d.shows(t, "\x1b[?1049l\x1b[0m\r\n")
			c := <-asked
			if want := "/api/v1/namespaces/shop/pods/web/attach"; c.path != want {
				t.Errorf("path %s, want %s", c.path, want)
			}
			for _, name := range []string{"stdin", "stdout", "tty"} {
				if c.query.Get(name) != "true" {
					t.Errorf("%s is not asked for: %v", name, c.query)
				}
			}
			if c.query.Has("stderr") || c.query.Get("container") != "nginx" {
				t.Errorf("asked for %v", c.query)
			}
		})
	}
}

// The process gets another size before the right one: it paints when its window changes.
func TestAttachTellsOfTwoSizes(t *testing.T) {
	sizes := make(chan remotecommand.TerminalSize, 2)
	e := (&server{run: func(c *conversation) int {
		for range cap(sizes) {
			sizes <- <-c.sizes
		}
		return 0
	}}).start(t)
	d := newTestTerminal(t)
	if err := wait(t, attached(t, e, d)); err != nil {
		t.Errorf("the end of the process gave %v", err)
	}
	first, last := <-sizes, <-sizes
	if (first != remotecommand.TerminalSize{Width: 80, Height: 23}) || (last != remotecommand.TerminalSize{Width: 80, Height: 24}) {
		t.Errorf("got %v, then %v", first, last)
	}
}

func TestAttachRefused(t *testing.T) {
	s := &server{refuseWebSocket: answer(502, "no"), refuseSPDY: answerForbidden("attach")}
	d := newTestTerminal(t)
	err := wait(t, attached(t, s.start(t), d))
	if !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "attach to web/nginx: ") {
		t.Errorf("got %v", err)
	}
	d.restored(t)
}
