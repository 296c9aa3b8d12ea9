// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Socket is a line of a table below /proc/PID/net: one socket of the network namespace.
type Socket struct {
	// Protocol is tcp, tcp6, udp, udp6, icmp, icmp6, raw, raw6, unix or netlink. A socket of a 6 may carry IPv4.
	Protocol string `json:"protocol"`
	State    string `json:"state"`
	// The addresses are "" where there is none; an IPv4 address that is mapped into IPv6 is written as IPv4.
	LocalAddress  string `json:"localAddress,omitempty"`
	LocalPort     uint16 `json:"localPort,omitempty"`
	RemoteAddress string `json:"remoteAddress,omitempty"`
	RemotePort    uint16 `json:"remotePort,omitempty"`
	// Path is that of a unix socket; "@" stands for a NUL, with which abstract names begin.
	Path      string `json:"path,omitempty"`
	PathBytes []byte `json:"pathBytes,omitempty"`
	// ReceiveQueue is what the process has not read, in bytes; of a listening one the connections that it has not accepted.
	ReceiveQueue uint64 `json:"receiveQueue"`
	SendQueue    uint64 `json:"sendQueue"`
	Retransmits  uint64 `json:"retransmits,omitempty"`
	Drops        uint64 `json:"drops,omitempty"`
	// UID is the user that made it; the kernel does not tell of unix and netlink sockets.
	UID *uint32 `json:"uid,omitempty"`
	// Inode is 0 where no process has it any more, as in TIME_WAIT.
	Inode  uint64        `json:"inode"`
	Owners []SocketOwner `json:"owners,omitempty"`
	// PeerName is the pod or Service that has the remote address.
	PeerName string `json:"peerName,omitempty"`
}

// A SocketOwner is a process that has a socket open.
type SocketOwner struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	FD      int    `json:"fd"`
}

// SocketFiles are the tables of sockets, as files of a process.
func SocketFiles() []string {
	return []string{"net/tcp", "net/tcp6", "net/udp", "net/udp6", "net/icmp", "net/icmp6", "net/raw", "net/raw6", "net/unix", "net/netlink"}
}

// Sockets are those of the network namespace of a process, of whose SocketFiles the texts were read. partial names tables that
// were too long to be read whole.
func Sockets(readings process.Readings, pid int) (list []Socket, partial []string) {
	for _, file := range SocketFiles() {
		reading := readings.Of(pid, file)
		if len(reading.Text) >= process.TextLimit {
			partial = append(partial, file)
		}
		list = append(list, socketTable(strings.TrimPrefix(file, "net/"), reading.Text)...)
	}
	slices.SortStableFunc(list, func(a, b Socket) int {
		return cmp.Or(a.rank()-b.rank(), strings.Compare(a.State, b.State), int(a.LocalPort)-int(b.LocalPort),
			strings.Compare(a.LocalAddress, b.LocalAddress), strings.Compare(a.RemoteAddress, b.RemoteAddress),
			int(a.RemotePort)-int(b.RemotePort), strings.Compare(a.Path, b.Path))
	})
	return list, partial
}

// socketTable reads a table. A line that is none of its form is left out.
func socketTable(protocol, text string) []Socket {
	var list []Socket
	_, text, _ = strings.Cut(text, "\n") // the heading
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		s := Socket{Protocol: protocol}
		ok := false
		switch protocol {
		case "unix":
			ok = s.unix(line)
		case "netlink":
			ok = s.netlink(strings.Fields(line))
		default:
			ok = s.inet(strings.Fields(line))
		}
		if ok {
			list = append(list, s)
		}
	}
	return list
}

// inet reads "SL: LOCAL:PORT REMOTE:PORT STATE TX:RX TIMER:WHEN RETRANSMITS UID TIMEOUT INODE", with REF POINTER DROPS behind it
// for what is not TCP (proc(5), net/tcp).
func (s *Socket) inet(f []string) bool {
	if len(f) < 10 {
		return false
	}
	local, localOK := endpoint(f[1])
	remote, remoteOK := endpoint(f[2])
	sent, received, _ := strings.Cut(f[4], ":")
	var p parser
	state := p.number(f[3], 16, 8)
	s.SendQueue, s.ReceiveQueue = p.number(sent, 16, 64), p.number(received, 16, 64)
	s.Retransmits = p.number(f[6], 16, 64)
	uid := uint32(p.number(f[7], 10, 32))
	s.UID, s.Inode = &uid, p.number(f[9], 10, 64)
	if len(f) > 12 && !strings.HasPrefix(s.Protocol, "tcp") {
		s.Drops = p.number(f[12], 10, 64)
	}
	if p.failed || !localOK || !remoteOK {
		return false
	}
	s.LocalAddress, s.LocalPort = local.Addr().String(), local.Port()
	if !remote.Addr().IsUnspecified() || remote.Port() != 0 {
		s.RemoteAddress, s.RemotePort = remote.Addr().String(), remote.Port()
	}
	s.State = inetState(state, strings.HasPrefix(s.Protocol, "tcp"))
	return true
}

// inetState names a state (net/tcp_states.h). What has no connections is closed as long as no peer is set.
func inetState(state uint64, tcp bool) string {
	names := []string{
		"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
		"CLOSING", "SYN_RECV",
	}
	switch {
	case !tcp && state == 7:
		return "UNCONN"
	case state == 0 || state >= uint64(len(names)):
		return "UNKNOWN"
	}
	return names[state]
}

// endpoint reads ADDRESS:PORT. The kernel prints each four bytes of an address as a number of its processor, which here is
// little-endian (amd64, arm64, riscv64, ppc64le).
func endpoint(text string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(address)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.LittleEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}

// unix reads "NUM: REFERENCES PROTOCOL FLAGS TYPE STATE INODE PATH". The path is the process's: it may have blanks.
func (s *Socket) unix(line string) bool {
	var f [7]string
	rest := line
	for i := range f {
		rest = strings.TrimLeft(rest, " ")
		f[i], rest, _ = strings.Cut(rest, " ")
	}
	var p parser
	flags, state := p.number(f[3], 16, 64), p.number(f[5], 16, 16)
	s.Inode = p.number(f[6], 10, 64)
	if p.failed || !strings.HasSuffix(f[0], ":") {
		return false
	}
	s.Path = rest
	if !utf8.ValidString(rest) {
		s.PathBytes = []byte(rest)
	}
	const accepting = 1 << 16
	names := []string{"FREE", "UNCONN", "CONNECTING", "ESTABLISHED", "DISCONNECTING"}
	switch {
	case flags&accepting != 0:
		s.State = "LISTEN"
	case state < uint64(len(names)):
		s.State = names[state]
	default:
		s.State = "UNKNOWN"
	}
	return true
}

// netlink reads "SK ETH PID GROUPS RMEM WMEM DUMP LOCKS DROPS INODE".
func (s *Socket) netlink(f []string) bool {
	if len(f) < 10 {
		return false
	}
	var p parser
	s.ReceiveQueue, s.SendQueue = p.number(f[4], 10, 64), p.number(f[5], 10, 64)
	s.Drops, s.Inode, s.State = p.number(f[8], 10, 64), p.number(f[9], 10, 64), "UNCONN"
	return !p.failed
}

// rank orders what a person looks for first: who listens, then connections, then what has no address.
func (s *Socket) rank() int {
	protocols := []string{"tcp", "tcp6", "udp", "udp6", "icmp", "icmp6", "raw", "raw6", "unix", "netlink"}
	rank := slices.Index(protocols, s.Protocol)
	if s.Protocol == "tcp" || s.Protocol == "tcp6" {
		rank = 0
	}
	if !s.Listening() {
		rank += len(protocols)
	}
	if s.Protocol == "unix" || s.Protocol == "netlink" {
		rank += 2 * len(protocols)
	}
	return rank
}

// Listening reports whether a socket takes what anybody sends.
func (s *Socket) Listening() bool {
	datagrams := !strings.HasPrefix(s.Protocol, "tcp") && s.LocalAddress != ""
	return s.State == "LISTEN" || datagrams && s.State == "UNCONN" && s.LocalPort != 0
}

// Local is the socket's own address, as HOST:PORT, or its path.
func (s *Socket) Local() string {
	if s.LocalAddress == "" {
		return s.Path
	}
	return hostPort(s.LocalAddress, s.LocalPort)
}

// Peer is the remote address; "" where there is none.
func (s *Socket) Peer() string {
	if s.RemoteAddress == "" {
		return ""
	}
	return hostPort(s.RemoteAddress, s.RemotePort)
}

// hostPort writes an address as ss does: * for any, brackets around IPv6.
func hostPort(address string, port uint16) string {
	text := "*"
	if port != 0 {
		text = strconv.Itoa(int(port))
	}
	switch {
	case address == "0.0.0.0" || address == "::":
		return "*:" + text
	case strings.Contains(address, ":"):
		return "[" + address + "]:" + text
	}
	return address + ":" + text
}

// A parser reads numbers and remembers that one failed.
type parser struct{ failed bool }

func (p *parser) number(text string, base, bits int) uint64 {
	n, err := strconv.ParseUint(text, base, bits)
	p.failed = p.failed || err != nil
	return n
}

// SetOwners notes for each socket which of the files it is.
func SetOwners(sockets []Socket, files []OpenFile) {
	owners := map[uint64][]SocketOwner{}
	for i := range files {
		if f := &files[i]; f.Type == TypeSocket {
			owners[f.Inode] = append(owners[f.Inode], SocketOwner{PID: f.PID, Command: f.Command, FD: f.FD})
		}
	}
	for i := range sockets {
		if inode := sockets[i].Inode; inode != 0 {
			sockets[i].Owners = owners[inode]
		}
	}
}

// A SocketGroup counts sockets that are alike: of one protocol and state, between the same sides, of one command.
type SocketGroup struct {
	Count    int    `json:"count"`
	Protocol string `json:"protocol"`
	State    string `json:"state"`
	// Local is the address that is listened at, for whoever came in by it too; "" for connections that began here.
	Local string `json:"local,omitempty"`
	// Peer is the remote address, without the port where that was chosen by its system.
	Peer         string `json:"peer,omitempty"`
	PeerName     string `json:"peerName,omitempty"`
	Command      string `json:"command,omitempty"`
	ReceiveQueue uint64 `json:"receiveQueue"`
	SendQueue    uint64 `json:"sendQueue"`
}

// GroupSockets counts sockets, the most first.
func GroupSockets(sockets []Socket) []SocketGroup {
	listened := map[uint16]bool{}
	for i := range sockets {
		if sockets[i].State == "LISTEN" {
			listened[sockets[i].LocalPort] = true
		}
	}
	groups, at := []SocketGroup{}, map[SocketGroup]int{}
	for i := range sockets {
		s := &sockets[i]
		key := SocketGroup{Protocol: s.Protocol, State: s.State, PeerName: s.PeerName}
		if len(s.Owners) > 0 {
			key.Command = s.Owners[0].Command
		}
		switch {
		case s.RemoteAddress == "":
			key.Local = s.Local()
		case listened[s.LocalPort] && strings.HasPrefix(s.Protocol, "tcp"):
			key.Local, key.Peer = ":"+strconv.Itoa(int(s.LocalPort)), s.RemoteAddress
		default:
			key.Peer = s.Peer()
		}
		n, ok := at[key]
		if !ok {
			n = len(groups)
			at[key], groups = n, append(groups, key)
		}
		groups[n].Count++
		groups[n].ReceiveQueue += s.ReceiveQueue
		groups[n].SendQueue += s.SendQueue
	}
	slices.SortStableFunc(groups, func(a, b SocketGroup) int { return b.Count - a.Count })
	return groups
}
