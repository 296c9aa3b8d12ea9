// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"io"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Column is one of a table. What Of returns is escaped before it is printed.
type Column[T any] struct {
	Name string
	// Wide is one of -o wide only.
	Wide bool
	// Number is aligned at its end.
	Number bool
	Of     func(T) string
	// Style is how a cell is shown; nil for plain.
	Style func(T) output.Style
}

// A Table is the cells of one, the header first, and how each is shown.
type Table struct {
	rows    [][]string
	styles  [][]output.Style
	numbers []int
}

// NewTable has a row for each item. Without wide it leaves out what is Wide.
func NewTable[T any](columns []Column[T], items []T, wide bool, header output.Style) *Table {
	return fill(newTable(len(items)), columns, items, wide, header)
}

func newTable(items int) *Table {
	return &Table{rows: make([][]string, items+1), styles: make([][]output.Style, items+1)}
}

func fill[T any](t *Table, columns []Column[T], items []T, wide bool, header output.Style) *Table {
	for _, c := range columns {
		if c.Wide && !wide {
			continue
		}
		if c.Number {
			t.numbers = append(t.numbers, len(t.rows[0]))
		}
		t.add(0, c.Name, header)
		for i, item := range items {
			style := output.Plain
			if c.Style != nil {
				style = c.Style(item)
			}
			t.add(i+1, remote.Escape(c.Of(item)), style)
		}
	}
	return t
}

func (t *Table) add(row int, text string, style output.Style) {
	t.rows[row], t.styles[row] = append(t.rows[row], text), append(t.styles[row], style)
}

// Print prints it.
func (t *Table) Print(r *output.Reporter, w io.Writer, headers bool) error {
	rows, styles := t.rows, t.styles
	if !headers {
		rows, styles = rows[1:], styles[1:]
	}
	output.AlignRight(rows, t.numbers...)
	return r.Table(w, rows, func(row, column int) output.Style { return styles[row][column] })
}

// printTable prints a row for each item, with its pod in front where there are several.
func printTable[T any](deps *cli.Deps, a *Args, columns []Column[T], pods []string, items []T) error {
	t := newTable(len(items))
	if a.AllPods {
		t.add(0, "POD", output.Plain)
		for i, pod := range pods {
			t.add(i+1, pod, output.Plain)
		}
	}
	return fill(t, columns, items, a.wide(), output.Plain).Print(deps.Report, deps.Streams.Out, !a.NoHeaders)
}
