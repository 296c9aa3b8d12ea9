// SPDX-License-Identifier: Apache-2.0

package list

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Lines are the rows of a list that fit.
func (l *List) Lines(paint func(output.Style, string) string, columns, height int, focused bool) []string {
	l.top = max(0, min(l.top, l.At, len(l.Rows)-height), l.At-height+1)
	if l.All.Path == "" {
		return []string{output.Fit(" reading "+place.Shown(l.Dir), columns)}
	}
	if len(l.Rows) == 0 {
		return []string{output.Fit(" nothing here"+map[bool]string{true: " has " + output.EscapeLine(l.Filter) + " in its name"}[l.Filter != ""], columns)}
	}
	var lines []string
	for i := l.top; i < len(l.Rows) && len(lines) < height; i++ {
		it := l.Rows[i]
		lines = append(lines, line(it, columns, focused && i == l.At, l.Marked[it.Name], l.Differs[it.Name] != "", paint))
	}
	return lines
}

// line is a mark, what was changed, a name, a size and, where there is room, a time.
func line(it place.Item, columns int, at, marked, differs bool, paint func(output.Style, string) string) string {
	mark := " "
	if marked {
		mark = "*"
	}
	front := mark + changeLetter(it.Change)
	if differs {
		front = mark + "≠"
	}
	end := " " + fmt.Sprintf("%6s", sizeCell(it))
	if columns >= 50 {
		end += "  " + timeCell(it)
	}
	name := it.Shown + Suffix(it)
	if columns < 2*len("  1023M ") {
		end = ""
	}
	room := columns - output.Width(front) - output.Width(end) - 1
	text := output.Fit(name, room)
	switch {
	case at:
		return output.Selected.On(front + text + end + " ")
	case marked:
		return paint(output.Yellow, front+text+end+" ")
	}
	if letter := front[1:]; strings.TrimSpace(letter) != "" {
		front = mark + paint(output.Yellow, letter)
	}
	return front + paint(files.FileStyle(files.KindOf(it.Mode), it.Perm), text) + end + " "
}

// changeLetter marks what was changed since the container started.
func changeLetter(c proc.Change) string {
	switch c {
	case proc.Changed:
		return "+"
	case proc.Attributes:
		return "~"
	case proc.Entries:
		return "±"
	}
	return " "
}

// Suffix is ls -F's.
func Suffix(it place.Item) string {
	switch it.Mode.Type() {
	case fs.ModeDir:
		return "/"
	case fs.ModeSymlink:
		return "@"
	case fs.ModeNamedPipe:
		return "|"
	case fs.ModeSocket:
		return "="
	}
	return ""
}

func sizeCell(it place.Item) string {
	switch {
	case it.Unknown:
		return "?"
	case it.Mode.IsRegular():
		return output.HumanBytes(it.Size)
	}
	return ""
}

func timeCell(it place.Item) string {
	if it.Time.IsZero() {
		return strings.Repeat(" ", len("2006-01-02 15:04"))
	}
	return it.Time.Local().Format("2006-01-02 15:04")
}

// Facts are what is known of an item, a line each.
func Facts(it place.Item, differs string) (lines []string) {
	if it.Unknown {
		return []string{"nothing more is known: its directory does not let it be looked at"}
	}
	mode := files.ModeString(&remote.Stat{Mode: it.Perm})
	owner := ""
	if it.User != "" {
		owner = "  " + it.User + ":" + it.Group
	}
	lines = append(lines, mode+owner)
	size := files.KindOf(it.Mode)
	if it.Mode.IsRegular() {
		size = strconv.FormatInt(it.Size, 10) + " bytes"
		if it.Sparse() {
			size += fmt.Sprintf(", sparse: %s on the disk", output.HumanBytes(it.Blocks*512))
		}
		if it.Links > 1 {
			size += fmt.Sprintf(", %d hard links", it.Links)
		}
	}
	lines = append(lines, size, it.Time.Local().Format("2006-01-02 15:04:05 -0700"))
	if it.Target != "" {
		lines = append(lines, "-> "+remote.Escape(it.Target))
	}
	if it.Gone != "" {
		lines = append(lines, "was "+remote.Escape(it.Gone), "open as "+it.Real)
	}
	switch it.Change {
	case proc.Changed:
		lines = append(lines, "changed or created since the start")
	case proc.Attributes:
		lines = append(lines, "mode, owner, name or links changed since the start")
	case proc.Entries:
		lines = append(lines, "entries added or removed since the start")
	}
	if differs != "" {
		lines = append(lines, "differs: "+differs)
	}
	return lines
}
