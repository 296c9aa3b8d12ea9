// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Section is a part of the page: a table, lines as they are, or both.
type Section struct {
	Title string     `json:"title"`
	Rows  [][]string `json:"rows,omitempty"` // the first one is the header
	Lines []string   `json:"lines,omitempty"`
}

// Nothing is what is said where no rule finds anything. It is a finding too.
const Nothing = "nothing of what this report looks for was found"

// Page writes a report as Markdown: what is wrong first, then the sections. Text of the target is escaped.
func Page(w io.Writer, f Facts, found []Finding, sections []Section) error {
	b := bufio.NewWriter(w)
	at := ""
	if !f.Now.IsZero() {
		at = ", " + f.Now.UTC().Format(time.RFC3339)
	}
	pod := ""
	if f.Pod != nil {
		pod = f.Pod.Name
	}
	fmt.Fprintf(b, "# pod/%s, container %s: %s%s\n", pod, f.Container, problems(found), at)
	for i, finding := range found {
		fmt.Fprintf(b, "%d. **%s**: %s", i+1, finding.Severity, output.EscapeLine(finding.Text))
		if finding.Try != "" {
			fmt.Fprintf(b, " (`%s`)", finding.Try)
		}
		fmt.Fprintln(b)
	}
	if len(found) == 0 {
		fmt.Fprintln(b, strings.ToUpper(Nothing[:1])+Nothing[1:]+".")
	}
	for _, s := range sections {
		if len(s.Rows) < 2 && len(s.Lines) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n", s.Title)
		if err := s.write(b); err != nil {
			return err
		}
	}
	return b.Flush()
}

// write indents the section by four spaces, which Markdown shows as it is.
func (s Section) write(w io.Writer) error {
	if len(s.Rows) > 1 {
		tw := tabwriter.NewWriter(w, 6, 4, 3, ' ', 0)
		for _, row := range s.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = remote.Escape(cell)
			}
			fmt.Fprintln(tw, "    "+strings.Join(cells, "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	for _, line := range s.Lines {
		if _, err := fmt.Fprintln(w, "    "+output.EscapeLine(line)); err != nil {
			return err
		}
	}
	return nil
}

func problems(found []Finding) string {
	n := 0
	for _, finding := range found {
		if finding.Severity != Notice {
			n++
		}
	}
	switch {
	case n > 0:
		return output.Plural(n, "problem", "problems") + " found"
	case len(found) > 0:
		return "no problem found, " + output.Plural(len(found), "notice", "notices")
	}
	return "no problem found"
}
