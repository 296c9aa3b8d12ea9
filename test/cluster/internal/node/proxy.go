// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// A stream is a connection each of whose directions ends by itself.
type stream interface {
	net.Conn
	CloseWrite() error
}

// dialAPI connects to the API server.
func dialAPI(ctx context.Context) (stream, error) { return dialTCP(ctx, apiAddress) }

func dialTCP(ctx context.Context, address string) (stream, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("connect to %s: it is of type %T", address, connection), connection.Close())
	}
	return tcp, nil
}

// proxy carries every connection to the listener on until the context ends. The listener may belong to the host's network
// namespace while dial connects in the cluster's: a socket stays in the namespace it was made in.
func proxy(ctx context.Context, listener net.Listener, dial func(context.Context) (stream, error)) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept connection: %w", err)
		}
		outside, ok := accepted.(stream)
		if !ok {
			return errors.Join(fmt.Errorf("accept connection: it is of type %T", accepted), accepted.Close())
		}
		go func() {
			defer func() { _ = outside.Close() }()
			inside, err := dial(ctx)
			if err != nil {
				return
			}
			defer func() { _ = inside.Close() }()
			join(outside, inside)
		}()
	}
}

// join copies both ways and passes on each side's end by itself: a client that has closed its side may still be reading.
// io.Copy between two TCP connections is splice(2).
func join(a, b stream) {
	var both sync.WaitGroup
	oneWay := func(to, from stream) {
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
