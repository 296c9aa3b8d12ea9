// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// proxy carries every connection to the listener on to address until the context ends. The listener belongs to the
// host's network namespace and address to the cluster's: a socket stays in the namespace it was made in.
func proxy(ctx context.Context, listener *net.TCPListener, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		outside, err := listener.AcceptTCP()
		if err != nil {
			return fmt.Errorf("accept connection: %w", err)
		}
		go func() {
			defer func() { _ = outside.Close() }()
			var dialer net.Dialer
			inside, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil {
				return
			}
			defer func() { _ = inside.Close() }()
			if inside, ok := inside.(*net.TCPConn); ok {
				join(outside, inside)
			}
		}()
	}
}

// join copies both ways and passes on each side's end by itself: a client that has closed its side may still be reading.
// io.Copy between two TCP connections is splice(2).
func join(a, b *net.TCPConn) {
	var both sync.WaitGroup
	oneWay := func(to, from *net.TCPConn) {
		if _, err := io.Copy(to, from); err != nil {
			// Broken, not ended: the other direction must not wait for it.
			_ = a.Close()
			_ = b.Close()
			return
		}
		_ = to.CloseWrite()
	}
	both.Go(func() { oneWay(a, b) })
	both.Go(func() { oneWay(b, a) })
	both.Wait()
}
