// SPDX-License-Identifier: Apache-2.0

package ss

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// columns are those of sockets, with the peer's name where it was asked for.
func columns(names bool) []inspect.Column[proc.Socket] {
	list := []inspect.Column[proc.Socket]{
		{Name: "PROTO", Of: func(s proc.Socket) string { return s.Protocol }},
		{Name: "STATE", Of: func(s proc.Socket) string { return s.State }, Style: func(s proc.Socket) output.Style { return stateStyle(s.State) }},
		{Name: "RECV-Q", Of: func(s proc.Socket) string { return strconv.FormatUint(s.ReceiveQueue, 10) }},
		{Name: "SEND-Q", Of: func(s proc.Socket) string { return strconv.FormatUint(s.SendQueue, 10) }},
		{Name: "RETRANS", Wide: true, Of: func(s proc.Socket) string { return strconv.FormatUint(s.Retransmits, 10) }},
		{Name: "DROPS", Wide: true, Of: func(s proc.Socket) string { return strconv.FormatUint(s.Drops, 10) }},
		{Name: "UID", Wide: true, Of: func(s proc.Socket) string {
			if s.UID == nil {
				return "-"
			}
			return strconv.FormatUint(uint64(*s.UID), 10)
		}},
		{Name: "INODE", Wide: true, Of: func(s proc.Socket) string { return strconv.FormatUint(s.Inode, 10) }},
		{Name: "LOCAL", Of: func(s proc.Socket) string { return cmp.Or(s.Local(), "-") }},
		{Name: "PEER", Of: func(s proc.Socket) string { return cmp.Or(s.Peer(), "-") }},
	}
	if names {
		list = append(list, inspect.Column[proc.Socket]{Name: "PEER NAME", Of: func(s proc.Socket) string { return cmp.Or(s.PeerName, "-") }})
	}
	return append(list, inspect.Column[proc.Socket]{Name: "PROCESS", Of: firstOwner})
}

// firstOwner is the first owner, as PID/COMMAND, and how many others there are.
func firstOwner(s proc.Socket) string {
	if len(s.Owners) == 0 {
		return "-"
	}
	text := fmt.Sprintf("%d/%s", s.Owners[0].PID, s.Owners[0].Command)
	pids := map[int]bool{}
	for _, o := range s.Owners {
		pids[o.PID] = true
	}
	if more := len(pids) - 1; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// stateStyle marks the states that pile up where something is wrong.
func stateStyle(state string) output.Style {
	switch state {
	case "CLOSE_WAIT", "SYN_SENT":
		return output.Yellow
	}
	return output.Plain
}

func groupColumns(names bool) []inspect.Column[proc.SocketGroup] {
	list := []inspect.Column[proc.SocketGroup]{
		{Name: "COUNT", Of: func(g proc.SocketGroup) string { return strconv.Itoa(g.Count) }},
		{Name: "PROTO", Of: func(g proc.SocketGroup) string { return g.Protocol }},
		{Name: "STATE", Of: func(g proc.SocketGroup) string { return g.State }, Style: func(g proc.SocketGroup) output.Style { return stateStyle(g.State) }},
		{Name: "RECV-Q", Of: func(g proc.SocketGroup) string { return strconv.FormatUint(g.ReceiveQueue, 10) }},
		{Name: "SEND-Q", Of: func(g proc.SocketGroup) string { return strconv.FormatUint(g.SendQueue, 10) }},
		{Name: "LOCAL", Of: func(g proc.SocketGroup) string { return cmp.Or(g.Local, "-") }},
		{Name: "PEER", Of: func(g proc.SocketGroup) string { return cmp.Or(g.Peer, "-") }},
	}
	if names {
		list = append(list, inspect.Column[proc.SocketGroup]{Name: "PEER NAME", Of: func(g proc.SocketGroup) string { return cmp.Or(g.PeerName, "-") }})
	}
	return append(list, inspect.Column[proc.SocketGroup]{Name: "COMMAND", Of: func(g proc.SocketGroup) string { return cmp.Or(strings.TrimSpace(g.Command), "-") }})
}
