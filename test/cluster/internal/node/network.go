// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// setUpNetwork brings the loopback interface of a new network namespace up and gives it the node's address: the kubelet
// refuses a loopback one (kubelet, validateNodeIP), and there is no other interface.
func setUpNetwork(address netip.Addr) error {
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
	for _, step := range []struct {
		request uint
		value   netip.Addr
	}{
		{unix.SIOCSIFADDR, address},
		{unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 255})},
	} {
		alias, err := unix.NewIfreq("lo:0")
		if err != nil {
			return err
		}
		value := step.value.As4()
		if err := alias.SetInet4Addr(value[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, step.request, alias); err != nil {
			return fmt.Errorf("set address of lo: %w", err)
		}
	}
	return nil
}
