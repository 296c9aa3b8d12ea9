// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// A screen passes output on and remembers the DEC private modes (ESC [ ? N h, in xterm's "Control Sequences") that a program
// has changed, because it may end without restoring them. It leaves other modes alone: leaving an alternate screen that
// nobody entered moves the cursor.
type screen struct {
	to      io.Writer
	partial []byte       // the begun sequence at the end of the last write
	changed map[int]bool // modes that differ from the default
	writing atomic.Bool
}

const (
	privateMode = "\x1b[?"
	// longestMode is the greatest length of a sequence that is followed.
	longestMode = 64
)

// defaultMode returns whether a mode is on at a shell's prompt. Unknown modes may be the user's own, and are left alone.
func defaultMode(mode int) (on, known bool) {
	switch mode {
	case 7, 25: // wrapping lines, a cursor
		return true, true
	case 1, 47, 1047, 1049, 2004: // cursor keys for programs, alternate screens, bracketed paste
		return false, true
	case 9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015: // reports of the mouse and of the focus
		return false, true
	}
	return false, false
}

func (s *screen) Write(p []byte) (int, error) {
	s.writing.Store(true)
	defer s.writing.Store(false)
	s.follow(p)
	return s.to.Write(p)
}

func (s *screen) follow(p []byte) {
	rest := slices.Concat(s.partial, p)
	for {
		i := bytes.IndexByte(rest, privateMode[0])
		if i < 0 {
			s.partial = nil
			return
		}
		rest = rest[i:]
		n := modeLength(rest)
		if n == 0 {
			s.partial = bytes.Clone(rest)
			return
		}
		s.recordMode(rest[:n])
		rest = rest[n:]
	}
}

// modeLength is the length of the mode sequence that p begins with, 1 for anything else, and 0 if the sequence is incomplete.
func modeLength(p []byte) int {
	n := min(len(p), len(privateMode))
	if string(p[:n]) != privateMode[:n] {
		return 1
	}
	for i, c := range p[n:] {
		switch {
		case n+i >= longestMode:
			return 1
		case c >= '0' && c <= '9', c == ';':
		case c == 'h', c == 'l':
			return n + i + 1
		default:
			return 1
		}
	}
	return 0
}

// recordMode remembers the modes that a sequence switches.
func (s *screen) recordMode(sequence []byte) {
	if len(sequence) <= len(privateMode) {
		return
	}
	last := len(sequence) - 1
	for text := range strings.SplitSeq(string(sequence[len(privateMode):last]), ";") {
		mode, err := strconv.Atoi(text)
		on, known := defaultMode(mode)
		switch {
		case err != nil || !known:
		case on == (sequence[last] == 'h'):
			delete(s.changed, mode)
		default:
			if s.changed == nil {
				s.changed = map[int]bool{}
			}
			s.changed[mode] = true
		}
	}
}

// reset restores the modes that a program has left changed. After a cut it also resets colors, and begins a new line for the
// error message. It does nothing while a write hangs, because it would hang too.
func (s *screen) reset(terminal io.Writer, cut bool) {
	if s.writing.Load() {
		return
	}
	var sequence strings.Builder
	for _, mode := range slices.Sorted(maps.Keys(s.changed)) {
		last := 'l'
		if on, _ := defaultMode(mode); on {
			last = 'h'
		}
		fmt.Fprintf(&sequence, "%s%d%c", privateMode, mode, last)
	}
	if cut {
		sequence.WriteString("\x1b[0m\r\n")
	}
	if sequence.Len() > 0 {
		_, _ = io.WriteString(terminal, sequence.String()) // The error of the session matters more.
	}
}
