// SPDX-License-Identifier: Apache-2.0

package output

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// counting is a writer that fails, and counts how often it was asked.
type counting struct{ calls atomic.Int32 }

func (c *counting) Write([]byte) (int, error) {
	c.calls.Add(1)
	return 0, errors.New("disk full")
}

// What is printed last must neither be lost nor be printed behind the caller's back once close has returned.
func TestLinesAreOverOnceClosed(t *testing.T) {
	for range 20 {
		w := &counting{}
		l := newLines(w)
		if err := l.Print("text\n"); err != nil {
			t.Fatal(err)
		}
		var err error
		l.Close(&err)
		if err == nil {
			t.Error("a failed write is not reported")
		}
		if l.pending != nil {
			t.Error("a timer is left")
		}
		calls := w.calls.Load()
		timer := time.NewTimer(time.Millisecond)
		<-timer.C
		if w.calls.Load() != calls {
			t.Error("written to after close")
		}
	}
	ok := errors.New("of before")
	l := newLines(&counting{})
	if err := l.Print("text\n"); err != nil {
		t.Fatal(err)
	}
	if l.Close(&ok); ok.Error() != "of before" {
		t.Errorf("another error replaced the first: %v", ok)
	}
}
