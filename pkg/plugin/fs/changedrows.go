// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// printChanges prints a table, or an object for each.
func printChanges(deps *cli.Deps, opts *changedOptions, all []FileChange) error {
	rows := [][]string{{"CHANGED", "HOW", "SIZE", "OWNER", "PATH"}}
	var objects []any
	pods := []string{"POD"}
	if opts.summary {
		rows = [][]string{{"FILES", "SIZE", "NEWEST", "ENTRIES", "DIRECTORY"}}
		for _, d := range byDirectory(all) {
			entries := map[bool]string{true: "yes", false: "-"}[d.Entries]
			rows, pods, objects = append(rows, []string{strconv.Itoa(d.Files), output.HumanBytes(d.Bytes), atTime(d.Newest), entries, remote.Escape(d.Path)}), append(pods, d.Pod), append(objects, d)
		}
	} else {
		for _, c := range all {
			rows, pods, objects = append(rows, changeRow(c)), append(pods, c.Pod), append(objects, c)
		}
	}
	if opts.JSON() {
		return printObjects(deps, objects)
	}
	if len(objects) == 0 {
		deps.Report.Say("nothing was changed")
		return nil
	}
	if opts.AllPods {
		for i := range rows {
			rows[i] = append([]string{pods[i]}, rows[i]...)
		}
	}
	if opts.noHeaders {
		rows = rows[1:]
	}
	return deps.Report.Table(deps.Streams.Out, rows, func(int, int) output.Style { return output.Plain })
}

func printObjects(deps *cli.Deps, objects []any) (err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	for _, o := range objects {
		if err := out.Object(o); err != nil {
			return err
		}
	}
	return nil
}

func changeRow(c FileChange) []string {
	size, name := "-", remote.Escape(c.Path)
	switch c.Type {
	case "file":
		size = output.HumanBytes(c.Size)
	case "directory":
		if c.Path != "/" {
			name += "/"
		}
	}
	return []string{atTime(c.Changed), string(c.Change), size, files.Owner(c.User, c.UID), name}
}

func atTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
