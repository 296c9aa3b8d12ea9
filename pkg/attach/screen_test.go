// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"strings"
	"testing"
)

func TestScreenUndoesWhatIsLeftSwitchedOn(t *testing.T) {
	for _, test := range []struct{ output, undone string }{
		{"plain text", ""},
		{"", ""},
		{"\x1b[31mred\x1b[?", ""},
		{"\x1b[?1049hvi", "\x1b[?1049l"},
		{"\x1b[?1049hvi\x1b[?1049l$ ", ""},
		{"\x1b[?1049h\x1b[?1049l\x1b[?1049h", "\x1b[?1049l"},
		{"\x1b[?1049", ""},
		{"\x1b\x1b[?25lno cursor", "\x1b[?25h"},
		{"\x1b[?25l\x1b[?25h", ""},
		{"\x1b[?1000;1006;2004htop", "\x1b[?1000l\x1b[?1006l\x1b[?2004l"},
		{"\x1b[?2026h\x1b[?12;7777l", ""},
		{"\x1b[?99999999999999999999h\x1b[?;h\x1b[?h", ""},
		{"\x1b[?25$p\x1b[?25;" + strings.Repeat("1", longestMode) + "h\x1b[?2004h", "\x1b[?2004l"},
	} {
		for size := 1; size <= max(1, len(test.output)); size++ {
			for _, cut := range []bool{false, true} {
				var shown bytes.Buffer
				s := &screen{to: &shown}
				for rest := test.output; rest != ""; rest = rest[min(size, len(rest)):] {
					if _, err := s.Write([]byte(rest[:min(size, len(rest))])); err != nil {
						t.Fatal(err)
					}
				}
				s.reset(&shown, cut)
				want := test.output + test.undone
				if cut {
					want += "\x1b[0m\r\n"
				}
				if shown.String() != want {
					t.Errorf("%q in writes of %d, cut %v, shows %q, want %q", test.output, size, cut, shown.String(), want)
				}
			}
		}
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte("\x1b[?1049hvi\x1b[?25l"), uint(3))
	f.Fuzz(func(t *testing.T, output []byte, at uint) {
		var whole, halves bytes.Buffer
		one, two := &screen{to: &whole}, &screen{to: &halves}
		cut := int(at % uint(len(output)+1)) //nolint:gosec // below len
		_, _ = one.Write(output)
		_, _ = two.Write(output[:cut])
		_, _ = two.Write(output[cut:])
		one.reset(&whole, false)
		two.reset(&halves, false)
		if !bytes.Equal(whole.Bytes(), halves.Bytes()) {
			t.Errorf("%q is reset by %q, in two parts by %q", output, whole.Bytes(), halves.Bytes())
		}
		if len(two.partial) > longestMode+len(output) {
			t.Errorf("%d bytes are held", len(two.partial))
		}
	})
}
