// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"crypto/rand"
	"io"
	"strings"
	"sync"
	"time"
)

// newMark is 130 random bits, in capitals and digits.
func newMark() string { return rand.Text() }

// A markWriter passes an answer on up to its mark.
type markWriter struct {
	mark string
	out  *io.PipeWriter
	done chan struct{} // closed at the mark, or when nobody wants the answer any more

	mu     sync.Mutex
	held   []byte // the end of what came: it may be the mark
	ended  bool
	code   int
	marked bool
}

// Write keeps back what may be the beginning of the mark, and nothing else: what a file grows by is seen at once.
func (w *markWriter) Write(p []byte) (int, error) {
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
func (w *markWriter) pass(p []byte) [][]byte {
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
func (w *markWriter) begins(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	return strings.HasPrefix(string(text[1:]), w.mark) || strings.HasPrefix(w.mark, string(text[1:]))
}

// parse reads the held part as NUL, mark, three digits, newline.
func (w *markWriter) parse() (code int, ok bool) {
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
func (w *markWriter) end(err error) {
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

func (w *markWriter) result() (code int, marked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.code, w.marked
}

// A handshake is the script's stdin, as the client writes it.
type handshake struct {
	text []byte
	done <-chan struct{}
}

// Read gives the text, then empty lines, then the end.
func (h *handshake) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(h.text) > 0 {
		n := copy(p, h.text)
		h.text = h.text[n:]
		return n, nil
	}
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	select {
	case <-h.done:
		return 0, io.EOF
	case <-beat.C:
		p[0] = '\n'
		return 1, nil
	}
}
