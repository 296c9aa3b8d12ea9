// SPDX-License-Identifier: Apache-2.0

// Package output answers "how does it look?": tables, documents in JSON, YAML and templates, colors, progress, and lines
// of narration, with what a cluster or a target says escaped. It does not know a command, a pod or an exit code.
package output

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// APIVersion marks the documents that docs/output.md describes, so that a script can tell when their shape changes.
const APIVersion = "kubectl-shareproc/v1alpha1"

// TypeMeta is the head of such a document.
type TypeMeta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// NewTypeMeta is the head of a document of a kind.
func NewTypeMeta(name string) TypeMeta { return TypeMeta{APIVersion: APIVersion, Kind: name} }

// Table prints rows aligned as kubectl aligns them.
func Table(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 6, 4, 3, ' ', tabwriter.DiscardEmptyColumns)
	for _, row := range rows {
		if _, err := fmt.Fprintln(tw, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// AlignRight pads the cells of columns of numbers, so that Table has them end below each other.
func AlignRight(rows [][]string, columns ...int) {
	for _, column := range columns {
		width := 0
		for _, row := range rows {
			width = max(width, utf8.RuneCountInString(row[column]))
		}
		for _, row := range rows {
			row[column] = strings.Repeat(" ", width-utf8.RuneCountInString(row[column])) + row[column]
		}
	}
}

// EscapeLines makes text of others fit for a terminal and leaves its lines.
func EscapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = EscapeLine(line)
	}
	return strings.Join(lines, "\n")
}

// EscapeLine is remote.Escape for messages, in which a backslash is nothing but one.
func EscapeLine(line string) string {
	parts := strings.Split(line, `\`)
	for i, part := range parts {
		parts[i] = remote.Escape(part)
	}
	return strings.Join(parts, `\`)
}

// HumanBytes gives a size in powers of 1024, as ls -h and top do: at most four digits and a letter.
func HumanBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprint(n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.5 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f%c", value, units[unit])
	}
	return fmt.Sprintf("%.0f%c", value, units[unit])
}

// Plural is a number with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
