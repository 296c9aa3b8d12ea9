// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// A reply passes an answer on up to its mark: NUL, the connection's mark, three digits, newline.
type reply struct {
	mark string
	out  *io.PipeWriter
	done chan struct{} // closed at the mark, or when nobody wants the answer any more

	mu     sync.Mutex
	held   []byte // the end of what came: it may be the mark
	ended  bool
	code   int
	marked bool
}

func newReply(mark string) (*reply, *io.PipeReader) {
	r, w := io.Pipe()
	return &reply{mark: mark, out: w, done: make(chan struct{})}, r
}

// Write keeps back what may be the beginning of the mark, and nothing else: what a file grows by is seen at once.
func (w *reply) Write(p []byte) (int, error) {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return 0, io.ErrClosedPipe
	}
	free := w.pass(p)
	code, marked := w.parse()
	w.mu.Unlock()
	for _, part := range free {
		if len(part) == 0 {
			continue // a pipe hands even that to its reader
		}
		if _, err := w.out.Write(part); err != nil {
			return 0, err
		}
	}
	if marked {
		w.mu.Lock()
		w.code, w.marked = code, true
		w.mu.Unlock()
		w.end(nil)
	}
	return len(p), nil
}

// pass splits what is held and p into what cannot belong to the mark and the new held part.
func (w *reply) pass(p []byte) [][]byte {
	length := len(w.mark) + len("\x00000\n")
	var before []byte
	tail := p
	if len(p) >= length {
		before, tail = w.held, p[len(p)-length:]
	} else {
		tail = append(bytes.Clone(w.held), p...)
		p = tail
	}
	start := max(0, len(tail)-length)
	for start < len(tail) {
		next := bytes.IndexByte(tail[start:], 0)
		if next < 0 {
			next = len(tail) - start
		}
		if start += next; w.begins(tail[start:]) {
			break
		}
		start++
	}
	start = min(start, len(tail))
	w.held = bytes.Clone(tail[start:])
	return [][]byte{before, p[:len(p)-len(w.held)]}
}

// begins reports whether text, which begins with a NUL, may be the beginning of the mark.
func (w *reply) begins(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	return strings.HasPrefix(string(text[1:]), w.mark) || strings.HasPrefix(w.mark, string(text[1:]))
}

// parse reads the held part as a mark.
func (w *reply) parse() (code int, ok bool) {
	rest, ok := bytes.CutPrefix(w.held, append([]byte{0}, w.mark...))
	if !ok || len(rest) != 4 || rest[3] != '\n' {
		return 0, false
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		code = code*10 + int(c-'0')
	}
	return code, true
}

// end closes the answer, once: with err, or at its mark.
func (w *reply) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.ended = true
	if w.marked {
		err = nil
	} else if err == nil {
		err = io.ErrUnexpectedEOF
	}
	w.out.CloseWithError(err)
	close(w.done)
}

func (w *reply) result() (code int, marked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.code, w.marked
}
