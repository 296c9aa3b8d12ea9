// SPDX-License-Identifier: Apache-2.0

package pager

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

const (
	// Limit is how many bytes of a file are shown, and mostLines how many lines: each takes memory, what is in it or not.
	Limit     = 4 << 20
	mostLines = Limit / 16
	tabWidth  = 8
)

// A Text is what a terminal shows of bytes: lines, or what hexdump -C prints.
type Text struct {
	lines []string
	lang  *language
}

// Begin is how a file of a name begins.
func Begin(name string, begin []byte) Text { return newText(name, begin, binary(begin)) }

func newText(name string, data []byte, hex bool) Text {
	if hex {
		return Text{lines: hexOf(data)}
	}
	lines := linesOf(data)
	return Text{lines, languageOf(name, lines[0])}
}

// Lines are the first ones that fit.
func (t Text) Lines(columns, height int, colored bool) []string {
	return t.view(0, 0, columns, height, colored)
}

// view are the lines from one on, and from a column on, that fit.
func (t Text) view(top, left, columns, height int, colored bool) []string {
	var lines []string
	for i := top; i < len(t.lines) && len(lines) < height; i++ {
		line := head(t.lines[i], left+columns)
		if colored {
			line = t.lang.color(line)
		}
		if left > 0 {
			line = ansi.TruncateLeft(line, left, "")
		}
		lines = append(lines, output.Fit(line, columns))
	}
	return lines
}

// head is more of a line than so many columns show, however long the line is: each of them is looked at whenever it is drawn.
func head(line string, columns int) string {
	const cell = 16 // bytes, at most, but for marks on marks
	return strings.ToValidUTF8(line[:min(len(line), (columns+1)*cell)], "")
}

// binary reports whether bytes are no text.
func binary(begin []byte) bool {
	if bytes.IndexByte(begin, 0) >= 0 {
		return true
	}
	// The end may be in the middle of a rune.
	for cut := 0; cut < utf8.UTFMax && cut < len(begin); cut++ {
		if utf8.Valid(begin[:len(begin)-cut]) {
			return false
		}
	}
	return len(begin) > 0
}

// firstLines is how a text begins, as far as a view shows it.
func firstLines(text []byte) []byte {
	end := 0
	for range mostLines {
		n := bytes.IndexByte(text[end:], '\n')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return text[:end]
}

// linesOf makes a text fit for a terminal, with tabs as blanks.
func linesOf(data []byte) []string {
	lines := strings.Split(strings.TrimSuffix(string(firstLines(data)), "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		var b strings.Builder
		column := 0
		for part, rest, tab := strings.Cut(line, "\t"); ; part, rest, tab = strings.Cut(rest, "\t") {
			part = output.EscapeLine(part)
			b.WriteString(part)
			if !tab {
				break
			}
			column += output.Width(part)
			blanks := tabWidth - column%tabWidth
			b.WriteString(strings.Repeat(" ", blanks))
			column += blanks
		}
		lines[i] = b.String()
	}
	return lines
}

func hexOf(data []byte) []string {
	const row = 16
	lines := make([]string, 0, len(data)/row+1)
	for at := 0; at < len(data); at += row {
		part := data[at:min(at+row, len(data))]
		var digits, letters strings.Builder
		for i, c := range part {
			if i == row/2 {
				digits.WriteByte(' ')
			}
			fmt.Fprintf(&digits, "%02x ", c)
			if c < ' ' || c > '~' {
				c = '.'
			}
			letters.WriteByte(c)
		}
		lines = append(lines, fmt.Sprintf("%08x  %-49s |%s|", at, &digits, &letters))
	}
	return lines
}
