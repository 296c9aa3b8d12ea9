// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// Style is how a word is shown on a terminal: the parameters of SGR (ECMA-48, 8.3.117). "" is as it is.
type Style string

// The styles of words, and of files, which have ls's own colors (dircolors(1)).
const (
	Plain          Style = ""
	Bold           Style = "1"
	Dim            Style = "2"
	Selected       Style = "7"
	Red            Style = "31"
	Yellow         Style = "33"
	Alarm          Style = "1;31"
	DirectoryStyle Style = "1;34"
	LinkStyle      Style = "1;36"
	ProgramStyle   Style = "1;32"
	PipeStyle      Style = "33"
	SocketStyle    Style = "1;35"
	DeviceStyle    Style = "1;33"
)

// On gives the text in that style.
func (s Style) On(text string) string {
	if s == Plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// colorMode is --color.
type colorMode string

// The values of --color.
const (
	ColorAuto   colorMode = "auto"
	ColorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func (m *colorMode) String() string { return string(*m) }

// Type names the flag's values in help.
func (m *colorMode) Type() string { return "string" }

// Set refuses all but the three.
func (m *colorMode) Set(text string) error {
	switch mode := colorMode(text); mode {
	case ColorAuto, ColorAlways, colorNever:
		*m = mode
		return nil
	}
	return fmt.Errorf("not one of %s, %s, %s", ColorAuto, ColorAlways, colorNever)
}

// Colored reports whether w is shown in color: by default if it is a terminal with colors, without NO_COLOR
// (https://no-color.org/) in the environment; on Windows, Windows Terminal.
func (r *Reporter) Colored(w io.Writer) bool {
	return r.Color == ColorAlways || r.Color == ColorAuto && printers.AllowsColorOutput(w)
}

// Paint returns the text in a style if w is shown in color.
func (r *Reporter) Paint(w io.Writer, s Style, text string) string {
	if !r.Colored(w) {
		return text
	}
	return s.On(text)
}

// Table prints rows aligned, each cell in the style that it is given. The styles are put in last: they have no width.
func (r *Reporter) Table(w io.Writer, rows [][]string, styleOf func(row, column int) Style) error {
	if !r.Colored(w) {
		return Table(w, rows)
	}
	var aligned bytes.Buffer
	if err := Table(&aligned, rows); err != nil {
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
			b.WriteString(rest[:at] + styleOf(i, j).On(cell))
			rest = rest[at+len(cell):]
		}
		b.WriteString(rest)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ByWord styles the cells of one column by what they say.
func ByWord(rows [][]string, column int, styles map[string]Style) func(row, column int) Style {
	return func(i, j int) Style {
		if j != column {
			return Plain
		}
		return styles[rows[i][j]]
	}
}
