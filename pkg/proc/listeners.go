// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"net/netip"
	"slices"
	"strings"
)

// Reach are the addresses at which a process of the same network reaches a listener, the likeliest first; none where its socket
// does not listen.
func (s *Socket) Reach() []netip.AddrPort {
	address, err := netip.ParseAddr(s.LocalAddress)
	if err != nil || s.State != "LISTEN" {
		return nil
	}
	return Reach(netip.AddrPortFrom(address, s.LocalPort))
}

// Reach is the method Reach for what listens at an address.
func Reach(local netip.AddrPort) []netip.AddrPort {
	at := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, local.Port()) }
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	switch local.Addr().Unmap() {
	case netip.IPv4Unspecified():
		return []netip.AddrPort{at(loopback)}
	case netip.IPv6Unspecified():
		return []netip.AddrPort{at(loopback), at(netip.IPv6Loopback())}
	}
	return []netip.AddrPort{at(local.Addr().Unmap())}
}

// IsJVM reports whether a process has a Java virtual machine in its memory, by the text of maps (proc(5)).
func IsJVM(maps string) bool {
	return slices.ContainsFunc(strings.Split(maps, "\n"), func(line string) bool {
		f := strings.Fields(line)
		return len(f) > 5 && strings.Contains(f[1], "x") && strings.HasSuffix(f[5], "/libjvm.so")
	})
}
