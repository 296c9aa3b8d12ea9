// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"io"
	"slices"
	"sync/atomic"
)

// What a remote program that was cut off may have left switched on: mouse reports, bracketed paste, a hidden cursor,
// colours. None of them is set in a shell at its prompt, so resetting does no harm.
const (
	resetModes      = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m"
	enterAlternate  = "\x1b[?1049h"
	leaveAlternate  = "\x1b[?1049l"
	alternateLength = len(enterAlternate)
)

// screen passes output on and remembers whether the remote program has gone to the alternate screen: leaving it when
// nobody entered would move the cursor.
type screen struct {
	to        io.Writer
	tail      []byte // the last bytes seen, for a sequence cut in two
	alternate bool
	writing   atomic.Bool
}

func (s *screen) Write(p []byte) (int, error) {
	s.writing.Store(true)
	defer s.writing.Store(false)
	s.follow(p)
	return s.to.Write(p)
}

func (s *screen) follow(p []byte) {
	seen := slices.Concat(s.tail, p)
	entered, left := bytes.LastIndex(seen, []byte(enterAlternate)), bytes.LastIndex(seen, []byte(leaveAlternate))
	if entered != left {
		s.alternate = entered > left
	}
	s.tail = bytes.Clone(seen[max(0, len(seen)-alternateLength+1):])
}

// reset undoes a program's modes on a terminal and starts a new line, where the error message will stand. Where a write
// hangs, this one would too.
func (s *screen) reset(terminal io.Writer) {
	if s.writing.Load() {
		return
	}
	sequence := resetModes + "\r\n"
	if s.alternate {
		sequence = leaveAlternate + sequence
	}
	_, _ = io.WriteString(terminal, sequence) // The session has failed already; that is the error to tell.
}
