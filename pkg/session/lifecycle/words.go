// SPDX-License-Identifier: Apache-2.0

package lifecycle

import "strings"

const (
	// screen is the narrowest terminal that a line is kept to.
	screen = 80
	// maxWords is how many lines of a runtime's own words are shown.
	maxWords = 5
)

// below puts what the kubelet or the runtime says under a reason: the first lines of it, no wider than a screen.
func below(reason, words string) string {
	lines := []string{reason}
	line := " "
	for _, word := range strings.Fields(words) {
		if len(line)+1+len(word) > screen && line != " " {
			lines, line = append(lines, line), " "
		}
		line += " " + word
	}
	if line != " " {
		lines = append(lines, line)
	}
	if len(lines) > maxWords+1 {
		lines = append(lines[:maxWords], lines[maxWords]+" ...")
	}
	return strings.Join(lines, "\n")
}
