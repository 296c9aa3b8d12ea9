// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/term"
)

// testTerminal is a terminal with somebody sitting at it.
type testTerminal struct {
	hand   *os.File // what is typed, and what the screen shows
	side   *os.File // the program's end
	before term.State
}

func newTestTerminal(t *testing.T) *testTerminal {
	t.Helper()
	hand, side, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = hand.Close()
		_ = side.Close()
	})
	d := &testTerminal{hand: hand, side: side}
	d.resize(t, 80, 24)
	d.before = d.state(t)
	return d
}

// state is the terminal's termios, every byte of it.
func (d *testTerminal) state(t *testing.T) term.State {
	t.Helper()
	state, err := term.SaveState(d.side.Fd())
	if err != nil {
		t.Fatal(err)
	}
	return *state
}

func (d *testTerminal) isRaw(t *testing.T) bool {
	t.Helper()
	return d.state(t) != d.before
}

func (d *testTerminal) resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	if err := pty.Setsize(d.hand, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
}

func (d *testTerminal) typeIn(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(d.hand, keys); err != nil {
		t.Fatal(err)
	}
}

// shows reads the screen until it has shown the text.
func (d *testTerminal) shows(t *testing.T, text string) {
	t.Helper()
	d.until(t, text)
}

// until reads the screen until it has shown the texts, one after the other, and gives all that it has shown.
func (d *testTerminal) until(t *testing.T, texts ...string) string {
	t.Helper()
	var seen strings.Builder
	missing := func() bool {
		rest := seen.String()
		for _, text := range texts {
			_, after, found := strings.Cut(rest, text)
			if !found {
				return true
			}
			rest = after
		}
		return false
	}
	found := make(chan struct{})
	go func() {
		defer close(found)
		buffer := make([]byte, 1024)
		for missing() {
			n, err := d.hand.Read(buffer)
			if err != nil {
				return
			}
			seen.Write(buffer[:n])
		}
	}()
	select {
	case <-found:
	case <-time.After(limit):
		t.Fatalf("the screen does not show %q", texts)
	}
	return seen.String()
}

// restored checks that the terminal is as it was before.
func (d *testTerminal) restored(t *testing.T) {
	t.Helper()
	if d.state(t) != d.before {
		t.Error("the terminal's state differs from what it was")
	}
}
