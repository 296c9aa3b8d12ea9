// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strconv"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

// mostRows is how many rows a section has at most; the bundle has all of it as JSON of the commands that it names.
const mostRows = 20

// cut leaves out what is more than mostRows, and says with which command it shows.
func cut(g *gathering, s report.Section, verb string) report.Section {
	if more := len(s.Rows) - 1 - mostRows; more > 0 {
		s.Rows = s.Rows[:mostRows+1]
		s.Lines = append(s.Lines, fmt.Sprintf("and %d more: kubectl shareproc %s %s", more, verb, g.report.facts.Command))
	}
	return s
}

func fileSection(g *gathering) report.Section {
	s := report.Section{Title: "Open files", Rows: [][]string{{"COUNT", "PID", "COMMAND", "TYPE", "NAME"}}}
	for _, f := range proc.GroupFiles(g.files) {
		name := f.Name
		if f.Deleted {
			name += fmt.Sprintf(" (deleted, holds %s)", output.HumanBytes(f.HeldBytes))
		}
		s.Rows = append(s.Rows, []string{strconv.Itoa(f.Count), strconv.Itoa(f.PID), f.Command, f.Type, name})
	}
	return cut(g, s, "lsof")
}

func connectionSection(g *gathering) report.Section {
	s := report.Section{Title: "Sockets", Rows: [][]string{{"COUNT", "PROTOCOL", "STATE", "LOCAL", "PEER", "COMMAND", "RECV-Q", "SEND-Q"}}}
	for _, group := range proc.GroupSockets(g.sockets) {
		s.Rows = append(s.Rows, []string{
			strconv.Itoa(group.Count), group.Protocol, group.State, group.Local, group.Peer, group.Command,
			strconv.FormatUint(group.ReceiveQueue, 10), strconv.FormatUint(group.SendQueue, 10),
		})
	}
	return cut(g, s, "ss")
}

func threadSection(g *gathering) report.Section {
	s := report.Section{Title: "Threads", Rows: [][]string{{"COUNT", "PID", "NAME", "STATE", "CPU", "WAITS FOR"}}}
	for _, t := range g.threads {
		s.Rows = append(s.Rows, []string{strconv.Itoa(t.Count), strconv.Itoa(t.PID), t.Name, t.State, fmt.Sprint(t.CPU, "m"), t.WaitsOn()})
	}
	return cut(g, s, "threads")
}

func fileSystemSection(g *gathering) report.Section {
	s := report.Section{Title: "File systems", Rows: [][]string{{"MOUNTED ON", "VOLUME", "USED", "SIZE", "USE%", "INODES"}}}
	for _, f := range g.report.facts.FileSystems {
		row := []string{f.Mount, f.Volume, "-", "-", "-", "-"}
		if f.Bytes.Used >= 0 {
			row[2], row[3] = output.HumanBytes(f.Bytes.Used), output.HumanBytes(f.Bytes.Limit)
		}
		if f.Bytes.Limit > 0 {
			row[4] = fmt.Sprintf("%d%%", f.Bytes.Used*100/f.Bytes.Limit)
		}
		if f.Inodes.Limit > 0 {
			row[5] = fmt.Sprintf("%d%%", f.Inodes.Used*100/f.Inodes.Limit)
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}
