// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// apiVersion marks the documents that docs/output.md describes, so that a script can tell when their shape changes.
const apiVersion = "kubectl-shareproc/v1alpha1"

// typeMeta is the head of such a document.
type typeMeta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func kind(name string) typeMeta { return typeMeta{APIVersion: apiVersion, Kind: name} }

// table prints rows aligned as kubectl aligns them.
func table(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 6, 4, 3, ' ', tabwriter.DiscardEmptyColumns)
	for _, row := range rows {
		if _, err := fmt.Fprintln(tw, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// oneOf checks a value of -o; "" is the table.
func oneOf(cmd *cobra.Command, format string, allowed ...string) error {
	if slices.Contains(allowed, format) {
		return nil
	}
	named := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	return usage(cmd.CommandPath()+" --help", "-o %q: not one of %s", format, strings.Join(named, ", "))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[0])
	}
	return nil
}

// escapeLines makes text of others fit for a terminal and leaves its lines.
func escapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	return strings.Join(lines, "\n")
}

// clean is remote.Escape for messages, in which a backslash is nothing but one.
func clean(line string) string {
	parts := strings.Split(line, `\`)
	for i, part := range parts {
		parts[i] = remote.Escape(part)
	}
	return strings.Join(parts, `\`)
}

// humanBytes gives a size in powers of 1024, as ls -h and top do: at most four digits and a letter.
func humanBytes(n int64) string {
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
