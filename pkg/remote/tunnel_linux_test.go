// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func busyboxRunners(t *testing.T) map[string]helper.Local {
	t.Helper()
	// The machine's own nc may be another one, or not there.
	all := helper.Runners(t)
	delete(all, "sh")
	if len(all) == 0 {
		t.Skip("no busybox")
	}
	return all
}

func TestATunnelCarriesBytesBothWays(t *testing.T) {
	for name, r := range busyboxRunners(t) {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
			helper.Within(t, 20*time.Second, func() {
				c, _, err := Tunnel(t.Context(), r, netip.MustParseAddrPort(listener.Addr().String()), 5*time.Second, 15*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.WriteString(c, "hello\x00\xff\n"); err != nil {
					t.Error(err)
				}
				if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "hello\x00\xff\n" {
					t.Errorf("%q %v", line, err)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestATunnelSaysWhyThereIsNone(t *testing.T) {
	for name, r := range busyboxRunners(t) {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			closed := netip.MustParseAddrPort(listener.Addr().String())
			_ = listener.Close()
			helper.Within(t, 20*time.Second, func() {
				_, _, err := Tunnel(t.Context(), r, closed, 5*time.Second, 15*time.Second)
				if !errors.Is(err, ErrNotConnected) || !strings.Contains(err.Error(), "refused") {
					t.Errorf("a port at which nobody listens: %v", err)
				}
			})
		})
	}
}

// A listener with a full queue does not answer: the connection stays in SYN_SENT, as behind a firewall.
func TestATunnelThatNobodyAnswersIsNotConnected(t *testing.T) {
	for name, r := range busyboxRunners(t) {
		t.Run(name, func(t *testing.T) {
			silent := fullListener(t)
			helper.Within(t, 20*time.Second, func() {
				if _, _, err := Tunnel(t.Context(), r, silent, time.Second, 15*time.Second); !errors.Is(err, ErrNotConnected) {
					t.Errorf("an address that does not answer: %v", err)
				}
			})
		})
	}
}

// fullListener is an address whose queue of connections is full.
func fullListener(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 4 {
		c, err := net.DialTimeout("tcp", address.String(), 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the queue never fills")
	return address
}
