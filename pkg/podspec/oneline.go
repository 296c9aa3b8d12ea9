// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
)

// OneLine joins the lines of a script without its comments, to keep specs and process lists short. It requires comments
// on their own lines, no line continuation and no here-documents; TestOneLine checks that.
func OneLine(script string) string {
	var one string
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, ";;"):
			one = strings.TrimSuffix(one, "; ") + " "
		}
		one += line + separator(line)
	}
	return strings.TrimRight(one, "; ")
}

// separator is the meaning of the newline after a line of shell: the end of a command, or nothing.
func separator(line string) string {
	last := line[strings.LastIndexByte(line, ' ')+1:]
	pattern := strings.HasSuffix(line, ")") && strings.Count(line, "(") < strings.Count(line, ")")
	if pattern || slices.Contains([]string{"do", "then", "else", "in", "{", "(", "&", "|", "&&", "||", ";;"}, last) {
		return " "
	}
	return "; "
}

// quote quotes a text as one shell word.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
