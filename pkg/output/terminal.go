// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"

	"k8s.io/cli-runtime/pkg/printers"
)

// Screen is where the bytes of a file go. On a terminal it escapes what one would act on: a file is no program. Close it.
type Screen struct {
	out    io.Writer
	raw    bool
	begun  []byte // of a rune whose end has not come
	failed error
}

// Screen prints bytes on Out: as they are where it is no terminal, or with raw.
func (r *Reporter) Screen(raw bool) *Screen {
	return &Screen{out: NewOutput(r.Out), raw: raw || !printers.IsTerminal(r.Out)}
}

func (s *Screen) Write(p []byte) (int, error) {
	if s.raw {
		return s.out.Write(p)
	}
	text := slices.Concat(s.begun, p)
	end := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if last := text[len(text)-back:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				end -= back
			}
			break
		}
	}
	s.begun = bytes.Clone(text[end:])
	return len(p), s.print(text[:end])
}

func (s *Screen) print(text []byte) error {
	_, s.failed = escaped{s.out}.Write(text)
	return s.failed
}

// Close prints what waits for the rest of a rune. Its error counts only where there is no other.
func (s *Screen) Close(err *error) {
	if len(s.begun) == 0 || s.failed != nil {
		return
	}
	if rest := s.print(s.begun); *err == nil {
		*err = rest
	}
}
