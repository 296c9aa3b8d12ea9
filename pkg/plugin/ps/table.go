// SPDX-License-Identifier: Apache-2.0

package ps

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
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
	rows, several := flatten(opts, all)
	return inspect.NewTable(columns(opts, several), rows, opts.Output == "wide", output.Plain).Print(deps.Report, out, !opts.NoHeaders)
}

// A row is a process, with its pod, what stands for the container of one that is in none, and the branch of the tree it hangs on.
type row struct {
	inspect.Process
	pod, outside, branch string
}

// columns are those of a row.
func columns(opts *psOptions, several bool) []inspect.Column[row] {
	var list []inspect.Column[row]
	if opts.AllPods {
		list = append(list, inspect.Column[row]{Name: "POD", Of: func(r row) string { return r.pod }})
	}
	list = append(list,
		inspect.Column[row]{Name: "PID", Of: func(r row) string { return strconv.Itoa(r.PID) }},
		inspect.Column[row]{Name: "USER", Of: func(r row) string { return r.UserCell() }},
	)
	if several {
		list = append(list, inspect.Column[row]{Name: "CONTAINER", Of: func(r row) string { return cmp.Or(r.Container, r.outside) }})
	}
	return append(list, []inspect.Column[row]{
		{Name: "%CPU", Number: true, Of: func(r row) string { return r.CPUCell() }},
		{Name: "RSS", Number: true, Of: func(r row) string { return output.HumanBytes(r.RSS) }},
		{Name: "TIME", Number: true, Of: func(r row) string { return r.TimeCell() }},
		{Name: "FDS", Wide: opts.sortBy != "fds", Number: true, Of: func(r row) string { return r.FilesCell() }, Style: func(r row) output.Style { return r.FilesStyle() }},
		{Name: "THREADS", Wide: opts.sortBy != "threads", Number: true, Of: func(r row) string { return strconv.Itoa(r.Threads) }},
		{Name: "START", Wide: opts.sortBy != "start", Of: func(r row) string { return started(r.Start, time.Now()) }},
		{Name: "PPID", Wide: true, Number: true, Of: func(r row) string { return strconv.Itoa(r.PPID) }},
		{Name: "STATE", Wide: true, Of: func(r row) string { return r.State }},
		{Name: "UID:GID", Wide: true, Of: func(r row) string { return fmt.Sprintf("%d:%d", r.UID, r.GID) }},
		{Name: "FILES", Wide: true, Of: files, Style: filesStyle},
		{Name: "COMMAND", Of: func(r row) string { return r.branch + r.CommandCell() }},
	}...)
}

func files(r row) string {
	if !r.RootReadable {
		return "denied"
	}
	return "yes"
}

func filesStyle(r row) output.Style {
	if !r.RootReadable {
		return output.Red
	}
	return output.Plain
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
