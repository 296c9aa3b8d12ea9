// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// style is how a word is shown on a terminal: the parameters of SGR (ECMA-48, 8.3.117). "" is as it is.
type style string

const (
	plain  style = ""
	red    style = "31"
	yellow style = "33"
	alarm  style = "1;31"
	// Files have ls's own colours (dircolors(1)).
	directoryStyle style = "1;34"
	linkStyle      style = "1;36"
	programStyle   style = "1;32"
	pipeStyle      style = "33"
	socketStyle    style = "1;35"
	deviceStyle    style = "1;33"
)

// on gives the text in that style.
func (s style) on(text string) string {
	if s == plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// colorMode is --color.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func (m *colorMode) String() string { return string(*m) }

// Type names the flag's values in help.
func (m *colorMode) Type() string { return "string" }

// Set refuses all but the three.
func (m *colorMode) Set(text string) error {
	switch mode := colorMode(text); mode {
	case colorAuto, colorAlways, colorNever:
		*m = mode
		return nil
	}
	return fmt.Errorf("not one of %s, %s, %s", colorAuto, colorAlways, colorNever)
}

// Colored tells whether w is shown in colour: by itself a terminal is that understands it, without NO_COLOR
// (https://no-color.org/) in the environment; on Windows, Windows Terminal.
func (r *Reporter) Colored(w io.Writer) bool {
	return r.Color == colorAlways || r.Color == colorAuto && printers.AllowsColorOutput(w)
}

// Paint gives the text in a style where w is shown in colour.
func (r *Reporter) Paint(w io.Writer, s style, text string) string {
	if !r.Colored(w) {
		return text
	}
	return s.on(text)
}

// Table prints rows aligned, each cell in the style that it is given. The styles are put in last: they have no width.
func (r *Reporter) Table(w io.Writer, rows [][]string, styleOf func(row, column int) style) error {
	if !r.Colored(w) {
		return table(w, rows)
	}
	var aligned bytes.Buffer
	if err := table(&aligned, rows); err != nil {
		return err
	}
	lines := strings.SplitAfter(aligned.String(), "\n")
	var b strings.Builder
	for i, row := range rows {
		rest := lines[i]
		for j, cell := range row {
			at := strings.Index(rest, cell)
			if at < 0 {
				break // no cell is without its text, unless its column has none at all
			}
			b.WriteString(rest[:at] + styleOf(i, j).on(cell))
			rest = rest[at+len(cell):]
		}
		b.WriteString(rest)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// byWord styles the cells of one column by what they say.
func byWord(rows [][]string, column int, styles map[string]style) func(row, column int) style {
	return func(i, j int) style {
		if j != column {
			return plain
		}
		return styles[rows[i][j]]
	}
}

// fileStyle is that of a file's name.
func fileStyle(kind string, mode uint32) style {
	switch kind {
	case "directory":
		return directoryStyle
	case "link":
		return linkStyle
	case "named pipe":
		return pipeStyle
	case "socket":
		return socketStyle
	case "block device", "character device":
		return deviceStyle
	case "file":
		if mode&0o111 != 0 {
			return programStyle
		}
	}
	return plain
}
