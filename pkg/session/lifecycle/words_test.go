// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"strings"
	"testing"
)

func TestTheRuntimesWordsAreBelowTheReason(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"", "ErrImagePull"},
		{"no such\nimage", "ErrImagePull\n  no such image"},
		{strings.Repeat("x", 100) + " y", "ErrImagePull\n  " + strings.Repeat("x", 100) + "\n  y"},
	} {
		if got := below("ErrImagePull", c.words); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	lines := strings.Split(below("ErrImagePull", strings.Repeat("word ", 500)), "\n")
	if len(lines) != 1+maxWords || !strings.HasSuffix(lines[maxWords], " ...") {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	for _, line := range lines[:maxWords] {
		if len(line) > screen {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}
