// SPDX-License-Identifier: Apache-2.0

package faultproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/faultproxy"
)

// bound is after how long something has hung.
const bound = 2 * time.Minute

// echoing is a server that sends back what it gets.
func echoing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// greeting is a TLS record like the one with which a connection begins.
func greeting(text string) []byte {
	return append([]byte{22, 3, 1, 0, byte(len(text))}, text...)
}

// talk sends a greeting and as much again as there is of it to a server behind a proxy, and returns what came back.
func talk(t *testing.T, hello string, fault *faultproxy.Fault) (*faultproxy.Proxy, []byte, error) {
	t.Helper()
	p, err := faultproxy.New(t.Context(), echoing(t), func(int) *faultproxy.Fault { return fault })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = conn.Write(append(greeting(hello), payload...))
		_ = conn.(*net.TCPConn).CloseWrite() //nolint:forcetypeassert // TCP was dialled
	}()
	got, err := io.ReadAll(conn)
	return p, got, err
}

var payload = bytes.Repeat([]byte("0123456789"), 100_000)

func TestALineWithoutFaultsPassesEverything(t *testing.T) {
	p, got, err := talk(t, "hello", nil)
	if err != nil || !bytes.Equal(got, append(greeting("hello"), payload...)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if up, down := p.Moved(); up != int64(len(got)) || down != up || len(p.Struck()) != 0 {
		t.Errorf("moved %d up, %d down; struck: %v", up, down, p.Struck())
	}
}

func TestFaultsStrikeAtTheirByte(t *testing.T) {
	for _, up := range []bool{true, false} {
		for _, f := range []faultproxy.Fault{{Kind: faultproxy.Cut}, {Kind: faultproxy.Reset}, {Kind: faultproxy.Stall, Wake: time.Second}, {Kind: faultproxy.Stall, Both: true, Wake: time.Second}} {
			f.Up, f.After = up, 123_457
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				begun := time.Now()
				p, got, err := talk(t, "hello", &f)
				if struck := p.Struck(); len(struck) != 1 || struck[0] != f {
					t.Errorf("struck: %v", struck)
				}
				all := append(greeting("hello"), payload...)
				switch f.Kind {
				case faultproxy.Stall:
					if err != nil || !bytes.Equal(got, all) || time.Since(begun) < f.Wake {
						t.Errorf("%d bytes after %s, %v", len(got), time.Since(begun), err)
					}
				case faultproxy.Reset:
					if !errors.Is(err, syscall.ECONNRESET) || !bytes.HasPrefix(all, got) || int64(len(got)) > f.After {
						t.Errorf("%d bytes, %v", len(got), err)
					}
				case faultproxy.Cut:
					if err != nil && !errors.Is(err, syscall.ECONNRESET) || !bytes.HasPrefix(all, got) || int64(len(got)) > f.After {
						t.Errorf("%d bytes, %v", len(got), err)
					}
				}
			})
		}
	}
}

func TestConnectionsForRequestsAreLeftAlone(t *testing.T) {
	p, got, err := talk(t, "\x02h2\x08http/1.1", &faultproxy.Fault{Up: true, After: 100})
	if err != nil || len(got) < len(payload) || len(p.Struck()) != 0 {
		t.Errorf("%d bytes, %v; struck: %v", len(got), err, p.Struck())
	}
}

func TestAStallEndsWithTheProxy(t *testing.T) {
	p, err := faultproxy.New(t.Context(), echoing(t), func(int) *faultproxy.Fault {
		return &faultproxy.Fault{Kind: faultproxy.Stall, Up: true, After: 10}
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(greeting("more than ten bytes")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.LimitReader(conn, 10)); len(got) != 10 || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Close()
	}()
	select {
	case <-ended:
	case <-time.After(bound):
		t.Fatal("it goes on")
	}
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

func TestOnlyLoopbackIsBroken(t *testing.T) {
	for _, server := range []string{"192.0.2.1:443", "[2001:db8::1]:443"} {
		if p, err := faultproxy.New(context.Background(), server, nil); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: %v, %v", server, p, err)
		}
	}
}
