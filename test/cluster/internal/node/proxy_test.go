// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// startProxy runs a proxy in front of a server that handles each connection with serve, and dials it.
func startProxy(t *testing.T, serve func(*net.TCPConn)) *net.TCPConn {
	t.Helper()
	listen := func() *net.TCPListener {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return listener
	}
	server, front := listen(), listen()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	dial := func(ctx context.Context) (stream, error) { return dialTCP(ctx, server.Addr().String()) }
	go func() { ended <- proxy(ctx, front, dial) }()
	go func() {
		connection, err := server.AcceptTCP()
		if err == nil {
			serve(connection)
			connection.Close()
		}
	}()
	t.Cleanup(func() {
		cancel()
		server.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("proxy ended with %v", err)
		}
	})
	connection, err := net.DialTCP("tcp4", nil, front.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return connection
}

func TestProxyPassesOnEachSidesEnd(t *testing.T) {
	client := startProxy(t, func(server *net.TCPConn) {
		// Answers only once the client has ended its side, and so only if that end comes through.
		body, err := io.ReadAll(server)
		if err == nil {
			_, _ = server.Write(append([]byte("got "), body...))
		}
	})
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(client)
	if err != nil || string(answer) != "got hello" {
		t.Errorf("answer is %q, %v", answer, err)
	}
}

func TestProxyEndsBothSidesOfABrokenConnection(t *testing.T) {
	client := startProxy(t, func(server *net.TCPConn) {
		// No lingering: the connection is reset, not ended.
		_ = server.SetLinger(0)
	})
	if _, err := io.ReadAll(client); err != nil {
		t.Logf("client sees %v", err)
	}
	var slow net.Error
	if _, err := client.Read(make([]byte, 1)); err == nil || errors.As(err, &slow) && slow.Timeout() {
		t.Errorf("the client still waits: %v", err)
	}
}
