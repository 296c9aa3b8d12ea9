// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
)

// OneLine writes a script on one line, without its comments: a pod that carries it, and what lists its processes, shows no
// more. It knows the scripts of this program and no more of the language: a comment has a line of its own, no string and no
// command goes on in the next line, and there are no here-documents. TestOneLine holds them to it.
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

// separator is what a newline behind a line of shell means: the end of a command, or nothing.
func separator(line string) string {
	last := line[strings.LastIndexByte(line, ' ')+1:]
	pattern := strings.HasSuffix(line, ")") && strings.Count(line, "(") < strings.Count(line, ")")
	if pattern || slices.Contains([]string{"do", "then", "else", "in", "{", "(", "&", "|", "&&", "||", ";;"}, last) {
		return " "
	}
	return "; "
}

// quote writes a text as one word of shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
