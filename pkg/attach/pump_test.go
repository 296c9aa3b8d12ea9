// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"io"
	"testing"
)

// TestPumpLosesNoKeys passes input from one session to the next, with reads left behind by each.
func TestPumpLosesNoKeys(t *testing.T) {
	keyboard, typed := io.Pipe()
	terminal := NewTerminal(keyboard, io.Discard, io.Discard)
	for _, keys := range []string{"first", "second", "third"} {
		session := terminal.pumpedInput(t.Context())
		left := make(chan error)
		go func() {
			_, err := session.Read(make([]byte, 10))
			left <- err
		}()
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-left; !errors.Is(err, io.EOF) {
			t.Fatalf("a session that has ended reads %v", err)
		}
		go func() { _, _ = io.WriteString(typed, keys) }()
		next, got := terminal.pumpedInput(t.Context()), make([]byte, len(keys))
		if _, err := io.ReadFull(next, got); err != nil || string(got) != keys {
			t.Fatalf("got %q, %v, want %q", got, err, keys)
		}
		_ = next.Close()
	}
	_ = typed.CloseWithError(io.ErrClosedPipe)
	for range 2 {
		if _, err := terminal.pumpedInput(t.Context()).Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a broken keyboard reads %v", err)
		}
	}
}
