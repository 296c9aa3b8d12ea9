// SPDX-License-Identifier: Apache-2.0

package pager

import (
	"strings"
	"testing"
)

// A line of tabs alone takes no longer than others. Were each tab to count what is before it, this would not end.
func TestTabsAreBlanks(t *testing.T) {
	lines := linesOf([]byte("a\tb\n日本\tc\n\t\tx\n" + strings.Repeat("\t", 1<<20)))
	for i, want := range []string{"a       b", "日本    c", strings.Repeat(" ", 16) + "x", strings.Repeat(" ", 8<<20)} {
		if lines[i] != want {
			t.Errorf("%d: %.40q", i, lines[i])
		}
	}
}
