// SPDX-License-Identifier: Apache-2.0

package output

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Width is how many columns of a terminal a text takes.
func Width(text string) int { return ansi.StringWidth(text) }

// Fit makes a text take so many columns: it is cut, or blanks are behind it.
func Fit(text string, columns int) string {
	columns = max(0, columns)
	n := Width(text)
	if n > columns {
		text = ansi.Truncate(text, columns, "…")
		n = Width(text)
	}
	return text + strings.Repeat(" ", columns-n)
}
