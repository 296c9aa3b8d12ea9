// SPDX-License-Identifier: Apache-2.0

package lsof

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// columns are those of open files. Of deleted ones counts what they take, not how long they are.
func columns(deleted bool) []inspect.Column[proc.OpenFile] {
	list := []inspect.Column[proc.OpenFile]{
		{Name: "PID", Of: func(f proc.OpenFile) string { return strconv.Itoa(f.PID) }},
		{Name: "COMMAND", Of: func(f proc.OpenFile) string { return f.Command }},
		{Name: "FD", Of: func(f proc.OpenFile) string { return strconv.Itoa(f.FD) }},
		{Name: "TYPE", Of: func(f proc.OpenFile) string { return f.Type }},
		{Name: "MODE", Of: mode},
		{Name: "HELD", Wide: !deleted, Of: func(f proc.OpenFile) string { return size(f.HeldBytes) }},
		{Name: "SIZE", Of: func(f proc.OpenFile) string { return size(f.SizeBytes) }},
		{Name: "OFFSET", Of: func(f proc.OpenFile) string { return size(f.Position) }},
		{Name: "INODE", Wide: true, Of: func(f proc.OpenFile) string { return strconv.FormatUint(f.Inode, 10) }},
	}
	if deleted {
		list = append(list, inspect.Column[proc.OpenFile]{Name: "OTHER PIDS", Of: others})
	}
	return append(list, inspect.Column[proc.OpenFile]{
		Name: "NAME", Of: name, Style: func(f proc.OpenFile) output.Style { return deletedStyle(f.Deleted) },
	})
}

// others are the processes that have the file open too, a few of them.
func others(f proc.OpenFile) string {
	const most = 3
	var words []string
	for _, pid := range f.OtherPIDs[:min(len(f.OtherPIDs), most)] {
		words = append(words, strconv.Itoa(pid))
	}
	text := orDash(strings.Join(words, ","))
	if more := len(f.OtherPIDs) - most; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// mode is how the file is open: a for appending, n for not blocking.
func mode(f proc.OpenFile) string {
	text := f.Access
	if f.Append {
		text += "a"
	}
	if f.NonBlocking {
		text += "n"
	}
	return orDash(text)
}

func size(n *int64) string {
	if n == nil {
		return "-"
	}
	return output.HumanBytes(*n)
}

// name is the path, or what is connected.
func name(f proc.OpenFile) string {
	s := f.Socket
	if s == nil {
		return orDash(f.Path) + deletedMark(f.Deleted)
	}
	words := []string{s.Protocol}
	if local := s.Local(); local != "" {
		words = append(words, local)
	}
	if peer := s.Peer(); peer != "" {
		words = append(words, "->", peer)
	}
	return strings.Join(append(words, s.State), " ")
}
