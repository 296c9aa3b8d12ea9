// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// addresses are those of the loopback interface, which is the only one: the node's, since the kubelet refuses 127.0.0.1
// (validateNodeIP). Before that of a machine stands one that connections to it come from, as is the case with a second one of
// the same network (ip-address(8), "secondary"): the machine would drop what comes from its own.
func addresses(inMachine bool) []netip.Prefix {
	if inMachine {
		from := netip.AddrFrom4([4]byte{198, 18, 255, 17}) // not in the machine's network, so that it answers by the gateway
		return []netip.Prefix{netip.PrefixFrom(from, 24), netip.PrefixFrom(address(), 24)}
	}
	return []netip.Prefix{netip.PrefixFrom(address(), 32)}
}

// setUpNetwork brings the loopback interface of a new network namespace up and gives it addresses.
func setUpNetwork(addresses []netip.Prefix) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer func() { _ = unix.Close(socket) }()

	up, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, up); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	for i, prefix := range addresses {
		for _, step := range []struct {
			request uint
			value   []byte
		}{{unix.SIOCSIFADDR, prefix.Addr().AsSlice()}, {unix.SIOCSIFNETMASK, net.CIDRMask(prefix.Bits(), 32)}} {
			alias, err := unix.NewIfreq(fmt.Sprintf("lo:%d", i))
			if err != nil {
				return err
			}
			if err := alias.SetInet4Addr(step.value); err != nil {
				return err
			}
			if err := unix.IoctlIfreq(socket, step.request, alias); err != nil {
				return fmt.Errorf("set address of lo: %w", err)
			}
		}
	}
	return nil
}
