// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Texts of an amd64 machine, with lines of each state that matters.
const (
	tcpText = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000   101        0 551 1 0000000041600b25 100 0 0 10 0                       
   1: 0A01A8C0:C776 0900A8C0:1538 08 00000000:00000001 00:00000000 00000000  1000        0 713739 1 000000005fcacb81 20 4 30 10 -1
   2: 0A01A8C0:A8E0 FA0012C6:0051 02 00000001:00000000 01:00000044 00000003     0        0 713750 2 000000005fcacb81 100 0 0 10 -1    
   3: 0A01A8C0:1F90 0700A8C0:C3F0 06 00000000:00000000 03:000009BD 00000000     0        0 0 3 0000000046fbe141   
`
	tcp6Text = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:2328 0000000000000000FFFF00000100007F:B910 01 00000000:00000000 00:00000000 00000000     0        0 559756 1 0000000000000000 20 4 0 10 -1
   1: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 559757 1 0000000000000000 20 4 0 10 -1
`
	udpText = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
  410: 00000000:0035 00000000:0000 07 00000000:00000100 00:00000000 00000000     0        0 7001 2 0000000000000000 12           
  411: 0A01A8C0:9C40 0A0013C6:0035 01 00000000:00000000 00:00000000 00000000     0        0 7002 2 0000000000000000 0            
`
	unixText = `Num       RefCount Protocol Flags    Type St Inode Path
00000000c266cfc8: 00000003 00000000 00000000 0001 03  1146
000000001284d675: 00000002 00000000 00010000 0001 01  1145 /run/a b.sock
000000001284d676: 00000002 00000000 00000000 0002 01  1147 @abstract
`
	netlinkText = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000a5237e3a 0   0          00000000 0        0        0     2        5        4       
`
)

func readingsOf(texts map[string]string) process.Readings {
	readings := process.Readings{}
	for name, text := range texts {
		readings["7/"+name] = process.Reading{Text: text}
	}
	return readings
}

func TestSocketsAreReadFromTheKernelsTables(t *testing.T) {
	list, partial := Sockets(readingsOf(map[string]string{
		"net/tcp": tcpText, "net/tcp6": tcp6Text, "net/udp": udpText, "net/unix": unixText, "net/netlink": netlinkText,
	}), 7)
	if len(partial) > 0 {
		t.Errorf("partial: %q", partial)
	}
	var got []string
	for i := range list {
		s := &list[i]
		got = append(got, strings.Join([]string{s.Protocol, s.State, s.Local(), s.Peer()}, " "))
	}
	want := []string{
		"tcp6 LISTEN [2001:db8::1]:443 ",
		"tcp LISTEN *:8080 ",
		"udp UNCONN *:53 ",
		"tcp CLOSE_WAIT 192.168.1.10:51062 192.168.0.9:5432",
		"tcp6 ESTABLISHED 127.0.0.1:9000 127.0.0.1:47376",
		"tcp SYN_SENT 192.168.1.10:43232 198.18.0.250:81",
		"tcp TIME_WAIT 192.168.1.10:8080 192.168.0.7:50160",
		"udp ESTABLISHED 192.168.1.10:40000 198.19.0.10:53",
		"unix LISTEN /run/a b.sock ",
		"unix ESTABLISHED  ",
		"unix UNCONN @abstract ",
		"netlink UNCONN  ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	listener, leak, dead, dns := list[1], list[3], list[5], list[2]
	if listener.ReceiveQueue != 3 || *listener.UID != 101 || listener.Inode != 551 {
		t.Errorf("a listener: %+v", listener)
	}
	if leak.ReceiveQueue != 1 || *leak.UID != 1000 || leak.Inode != 713739 {
		t.Errorf("a connection that the peer has closed: %+v", leak)
	}
	if dead.SendQueue != 1 || dead.Retransmits != 3 {
		t.Errorf("a peer that does not answer: %+v", dead)
	}
	if dns.Drops != 12 || dns.ReceiveQueue != 256 {
		t.Errorf("datagrams: %+v", dns)
	}
}

func TestATableThatWasCutIsNamed(t *testing.T) {
	text := tcpText + strings.Repeat(" ", process.TextLimit-len(tcpText))
	if _, partial := Sockets(readingsOf(map[string]string{"net/tcp": text}), 7); !slices.Equal(partial, []string{"net/tcp"}) {
		t.Errorf("%q", partial)
	}
}

func TestSocketsAreGroupedByPeerAndByWhatTheyCameInBy(t *testing.T) {
	socket := func(state string, local, remote uint16, address string) Socket {
		s := Socket{Protocol: "tcp", State: state, LocalAddress: "10.0.0.1", LocalPort: local, RemoteAddress: address, RemotePort: remote}
		s.Owners = []SocketOwner{{PID: 1, Command: "app", FD: int(local)}}
		return s
	}
	listener := Socket{Protocol: "tcp", State: "LISTEN", LocalAddress: "0.0.0.0", LocalPort: 8080}
	got := GroupSockets([]Socket{
		listener, socket("ESTABLISHED", 8080, 50001, "10.0.0.7"), socket("ESTABLISHED", 8080, 50002, "10.0.0.7"),
		socket("CLOSE_WAIT", 40001, 5432, "10.0.0.9"), socket("CLOSE_WAIT", 40002, 5432, "10.0.0.9"), socket("CLOSE_WAIT", 40003, 5432, "10.0.0.9"),
	})
	want := []SocketGroup{
		{Count: 3, Protocol: "tcp", State: "CLOSE_WAIT", Peer: "10.0.0.9:5432", Command: "app"},
		{Count: 2, Protocol: "tcp", State: "ESTABLISHED", Local: ":8080", Peer: "10.0.0.7", Command: "app"},
		{Count: 1, Protocol: "tcp", State: "LISTEN", Local: "*:8080"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func FuzzSockets(f *testing.F) {
	for name, text := range map[string]string{"tcp": tcpText, "tcp6": tcp6Text, "udp": udpText, "unix": unixText, "netlink": netlinkText} {
		f.Add(name, text)
	}
	f.Add("unix", "\n: \n1: 2 3 4 5 6 7")
	f.Fuzz(func(t *testing.T, name, text string) {
		list, _ := Sockets(readingsOf(map[string]string{"net/" + name: text}), 7)
		for i := range list {
			if s := &list[i]; s.State == "" || s.RemoteAddress == "" && s.RemotePort != 0 {
				t.Errorf("%+v", s)
			}
		}
		SetOwners(list, []OpenFile{{Type: TypeSocket, Inode: 1}})
		total := 0
		for _, g := range GroupSockets(list) {
			total += g.Count
		}
		if total != len(list) {
			t.Errorf("%d of %d sockets are in groups", total, len(list))
		}
	})
}
