// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// Sockets reads the sockets of the network namespace of the processes that are asked about: that of the first one, which all of
// a pod share. The notes say what is not whole.
func Sockets(ctx context.Context, l *Look) ([]proc.Socket, []string, error) {
	first := l.First().PID
	if first == 0 {
		return nil, []string{"sockets are not listed: all processes have exited"}, nil
	}
	var what []process.What
	for _, file := range proc.SocketFiles() {
		what = append(what, process.Text(file))
	}
	readings, err := l.Host.Inspect(ctx, []int{first}, what...)
	if err != nil {
		return nil, nil, err
	}
	sockets, partial := proc.Sockets(readings, first)
	if len(partial) == 0 {
		return sockets, nil, nil
	}
	return sockets, []string{fmt.Sprintf("%s: too long; only the first %d bytes were read", strings.Join(partial, ", "), process.TextLimit)}, nil
}

// OpenFiles are those of the processes that are asked about, from Readings with remote.Descriptors. The notes say which processes
// do not show them, and why.
func OpenFiles(l *Look, readings process.Readings, sockets []proc.Socket) (files []proc.OpenFile, notes []string) {
	var denied []session.Process
	for _, p := range l.Processes {
		list, ok := readings.Descriptors(p.PID)
		named := false
		for i := range list {
			named = named || list[i].Link != ""
		}
		switch {
		case p.State == "Z" || p.State == "X" || readings.Of(p.PID, "fd").Gone:
		case !ok || len(list) > 0 && !named:
			denied = append(denied, p)
		default:
			files = append(files, proc.OpenFiles(p.PID, p.Name, list, sockets)...)
		}
	}
	return files, deniedNotes(denied)
}

// deniedNotes says of which processes the kernel does not show the open files: a line for each reason.
func deniedNotes(denied []session.Process) (notes []string) {
	byReason, reasons := map[string][]string{}, []string{}
	for _, p := range denied {
		reason := fmt.Sprintf("user %d:%d", p.EUID, p.EGID)
		if p.Undumpable {
			reason = "changed its user without exec; only SYS_PTRACE opens it"
		}
		if byReason[reason] == nil {
			reasons = append(reasons, reason)
		}
		byReason[reason] = append(byReason[reason], fmt.Sprint(p.PID))
	}
	for _, reason := range reasons {
		noun, pids, more := "PIDs", byReason[reason], ""
		if len(pids) == 1 {
			noun = "PID"
		}
		if n := len(pids) - maxNamed; n > 0 {
			pids, more = pids[:maxNamed], fmt.Sprintf(" and %d more", n)
		}
		notes = append(notes, fmt.Sprintf("open files of %s %s%s: permission denied (%s)",
			noun, strings.Join(pids, ", "), more, reason))
	}
	return notes
}

// maxNamed is how many processes a note names.
const maxNamed = 5
