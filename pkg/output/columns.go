// SPDX-License-Identifier: Apache-2.0

package output

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// columns is kubectl's -o custom-columns=NAME:PATH,..., which is not in cli-runtime: a row for each of a list's items, or
// one for a document that is no list.
type columns []column

type column struct {
	name string
	path *jsonpath.JSONPath
}

// newColumns reads a specification. A PATH is a JSONPath, with or without its braces and the dot at its head.
func newColumns(spec string) (columns, error) {
	var list columns
	for _, part := range splitColumns(spec) {
		name, path, ok := strings.Cut(part, ":")
		if !ok || name == "" || path == "" {
			return nil, fmt.Errorf("column %q is not NAME:PATH", part)
		}
		path = strings.TrimSuffix(strings.TrimPrefix(path, "{"), "}")
		j := jsonpath.New(name).AllowMissingKeys(true)
		if err := j.Parse("{." + strings.TrimPrefix(path, ".") + "}"); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		list = append(list, column{name, j})
	}
	if len(list) == 0 {
		return nil, errors.New("custom-columns names no column")
	}
	return list, nil
}

// splitColumns splits at commas that are in no brackets: a filter or a union may have some.
func splitColumns(spec string) []string {
	depth := 0
	return strings.FieldsFunc(spec+",", func(r rune) bool {
		switch r {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
		}
		return r == ',' && depth <= 0
	})
}

// headless is columns without the line of their names, for --no-headers.
type headless struct{ columns }

// PrintObj prints the table but for its first line.
func (h headless) PrintObj(object runtime.Object, w io.Writer) error {
	rows, err := h.rows(object)
	if err != nil {
		return err
	}
	return Table(w, rows[1:])
}

// PrintObj prints the table.
func (c columns) PrintObj(object runtime.Object, w io.Writer) error {
	rows, err := c.rows(object)
	if err != nil {
		return err
	}
	return Table(w, rows)
}

// rows are the names, and a row for each item.
func (c columns) rows(object runtime.Object) ([][]string, error) {
	d, ok := object.(document)
	if !ok {
		return nil, fmt.Errorf("no columns of a %T", object)
	}
	tree, err := d.tree()
	if err != nil {
		return nil, err
	}
	items, isList := tree["items"].([]any)
	if !isList {
		items = []any{tree}
	}
	rows := make([][]string, 1, len(items)+1)
	for _, one := range c {
		rows[0] = append(rows[0], one.name)
	}
	for _, item := range items {
		row := make([]string, len(c))
		for i, one := range c {
			if row[i], err = one.of(item); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// of gives a column's values in an item, between commas.
func (c column) of(item any) (string, error) {
	found, err := c.path.FindResults(item)
	if err != nil {
		return "", fmt.Errorf("column %s: %w", c.name, err)
	}
	var values []string
	for _, set := range found {
		for _, value := range set {
			if value.IsValid() && value.CanInterface() && value.Interface() != nil {
				values = append(values, remote.Escape(fmt.Sprint(value.Interface())))
			}
		}
	}
	if len(values) == 0 {
		return "<none>", nil
	}
	return strings.Join(values, ","), nil
}
