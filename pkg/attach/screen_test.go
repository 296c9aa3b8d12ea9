// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"strings"
	"testing"
)

func TestScreenLeavesTheAlternateScreenOnlyIfEntered(t *testing.T) {
	for _, test := range []struct {
		output string
		leaves bool
	}{
		{"plain text", false},
		{"", false},
		{"\x1b[?1049hvi", true},
		{"\x1b[?1049hvi\x1b[?1049l$ ", false},
		{"\x1b[?1049h\x1b[?1049l\x1b[?1049h", true},
		{"\x1b[?1049", false},
	} {
		for size := 1; size <= max(1, len(test.output)); size++ {
			var shown bytes.Buffer
			s := &screen{to: &shown}
			for rest := test.output; rest != ""; rest = rest[min(size, len(rest)):] {
				if _, err := s.Write([]byte(rest[:min(size, len(rest))])); err != nil {
					t.Fatal(err)
				}
			}
			s.reset(&shown)
			after, passed := strings.CutPrefix(shown.String(), test.output)
			if !passed || !strings.HasSuffix(after, resetModes+"\r\n") {
				t.Errorf("%q in writes of %d shows %q", test.output, size, &shown)
			}
			if leaves := strings.HasPrefix(after, leaveAlternate); leaves != test.leaves {
				t.Errorf("%q in writes of %d: leaves is %v", test.output, size, leaves)
			}
		}
	}
}
