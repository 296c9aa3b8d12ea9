// SPDX-License-Identifier: Apache-2.0

package ps

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// show prints the processes of one pod, or of several.
func show(deps *cli.Deps, opts *psOptions, all []ProcessList) error {
	out := deps.Streams.Out
	switch {
	case output.IsDocument(opts.Output) && !opts.AllPods:
		return output.PrintList(out, opts.Output, all[0], !opts.NoHeaders)
	case output.IsDocument(opts.Output):
		return output.PrintList(out, opts.Output, lists{output.NewTypeMeta("List"), all}, !opts.NoHeaders)
	case opts.Output == "name":
		for _, list := range all {
			for _, p := range list.Items {
				if _, err := fmt.Fprintln(out, p.PID); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if list := all[0]; list.View != "" && !opts.AllPods && !opts.NoHeaders {
		if _, err := fmt.Fprintf(out, "container %s in pod/%s (its own process namespace)\n", list.View, list.Pod); err != nil {
			return err
		}
	}
	return table(deps, opts, all)
}

// A cell is a column's of a process, printed where shown is true.
type cell struct {
	name, text string
	shown      bool
	number     bool
	style      output.Style
}

// cells are those of a row, and for the zero row what the columns are.
func cells(r row, opts *psOptions, several bool) []cell {
	wide, p := opts.Output == "wide", r.Process
	files, style := "yes", output.Plain
	if !p.RootReadable {
		files, style = "denied", output.Red
	}
	return []cell{
		{name: "POD", text: r.pod, shown: opts.AllPods},
		{name: "PID", text: strconv.Itoa(p.PID), shown: true},
		{name: "USER", text: p.UserCell(), shown: true},
		{name: "CONTAINER", text: cmp.Or(p.Container, r.outside), shown: several},
		{name: "%CPU", text: p.CPUCell(), shown: true, number: true},
		{name: "RSS", text: output.HumanBytes(p.RSS), shown: true, number: true},
		{name: "TIME", text: p.TimeCell(), shown: true, number: true},
		{name: "FDS", text: p.FilesCell(), shown: wide || opts.sortBy == "fds", number: true, style: p.FilesStyle()},
		{name: "THREADS", text: strconv.Itoa(p.Threads), shown: wide || opts.sortBy == "threads", number: true},
		{name: "START", text: started(p.Start, time.Now()), shown: wide || opts.sortBy == "start"},
		{name: "PPID", text: strconv.Itoa(p.PPID), shown: wide, number: true},
		{name: "STATE", text: p.State, shown: wide},
		{name: "UID:GID", text: fmt.Sprintf("%d:%d", p.UID, p.GID), shown: wide},
		{name: "FILES", text: files, shown: wide, style: style},
		{name: "COMMAND", text: r.branch + p.CommandCell(), shown: true},
	}
}

// A row is a process, with its pod, what stands for the container of one that is in none, and the branch of the tree it hangs on.
type row struct {
	inspect.Process
	pod, outside, branch string
}

func table(deps *cli.Deps, opts *psOptions, all []ProcessList) error {
	rows, several := flatten(opts, all)
	texts, styles := [][]string{nil}, [][]output.Style{nil}
	var numbers []int
	for i, c := range shown(cells(row{}, opts, several)) {
		texts[0], styles[0] = append(texts[0], c.name), append(styles[0], output.Plain)
		if c.number {
			numbers = append(numbers, i)
		}
	}
	for _, r := range rows {
		var text []string
		var style []output.Style
		for _, c := range shown(cells(r, opts, several)) {
			text, style = append(text, remote.Escape(c.text)), append(style, c.style)
		}
		texts, styles = append(texts, text), append(styles, style)
	}
	if opts.NoHeaders {
		texts, styles = texts[1:], styles[1:]
	}
	output.AlignRight(texts, numbers...)
	return deps.Report.Table(deps.Streams.Out, texts, func(i, j int) output.Style { return styles[i][j] })
}

func shown(all []cell) []cell {
	return slices.DeleteFunc(all, func(c cell) bool { return !c.shown })
}

// flatten puts the processes of all pods in one list, and tells whether they are of several containers.
func flatten(opts *psOptions, all []ProcessList) (rows []row, several bool) {
	for _, list := range all {
		outside := "(pod)"
		if list.hostPID {
			outside = "-" // most of them are the node's
		}
		for i, p := range list.Items {
			several = several || p.Container != list.Items[0].Container
			rows = append(rows, row{p, list.Pod, outside, list.branches[i]})
		}
	}
	return rows, several || opts.allContainers
}

// started gives a time of the last day as such, and a date otherwise, as ps does.
func started(t, now time.Time) string {
	if now.Sub(t) < 24*time.Hour {
		return t.Local().Format("15:04:05")
	}
	return t.Local().Format("2006-01-02")
}
