// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// tunnelScript connects by nc, and says when it is connected.
//
//go:embed tunnel.sh
var tunnelScript string

// ErrNotConnected says that there is no connection; the error has the tool's words.
var ErrNotConnected = errors.New("not connected")

// Tunnel connects to an address from the helper's network, which is the pod's. limit is how long it may take to connect, and took
// how long it did there, to about 20 ms. The connection lives as long as ctx, for life at most, and until Close. Deadlines do
// nothing: a Context ends what waits.
func Tunnel(ctx context.Context, r Runner, to netip.AddrPort, limit, life time.Duration) (c net.Conn, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, life)
	stdin, input := io.Pipe()
	output, stdout := io.Pipe()
	t := &tunnel{to: to, input: input, output: output, cancel: cancel, connected: make(chan struct{}), ended: make(chan struct{})}
	t.signs.connected = sync.OnceFunc(func() { close(t.connected) })
	// Some Runners return only once stdin has ended.
	t.signs.over = sync.OnceFunc(func() { _ = input.Close() })
	crash.Go(ctx, func() {
		defer cancel()
		// timeout ends it where nobody closes stdin, since a client was killed.
		argv := []string{"timeout", wholeSeconds(life), "sh", "-c", tunnelScript, "sh", to.Addr().String(), strconv.Itoa(int(to.Port())), wholeSeconds(limit)}
		t.err = r.Run(ctx, argv, stdin, stdout, &t.signs)
		close(t.ended)
		stdout.CloseWithError(io.EOF)
		stdin.CloseWithError(io.ErrClosedPipe)
	})
	select {
	case <-t.connected:
	case <-t.ended:
	case <-ctx.Done():
	}
	select {
	case <-t.connected: // and perhaps closed at once
		_, took := t.signs.read("+")
		return t, took, nil
	default:
	}
	_ = t.Close()
	if err := missingShell(t.failure(ctx)); err != nil {
		return nil, 0, err
	}
	words, took := t.signs.read("-")
	return nil, took, fmt.Errorf("%w: %s", ErrNotConnected, words)
}

// A tunnel is a connection by the streams of a command.
type tunnel struct {
	to               netip.AddrPort
	input            *io.PipeWriter
	output           *io.PipeReader
	cancel           context.CancelFunc
	connected, ended chan struct{}
	err              error // behind ended
	signs            signBuffer
}

// failure is why the command could not say anything itself; nil where nc has.
func (t *tunnel) failure(ctx context.Context) error {
	select {
	case <-t.ended:
	default:
		return context.Cause(ctx)
	}
	var exit interface{ ExitCode() int }
	if errors.As(t.err, &exit) && exit.ExitCode() != 126 && exit.ExitCode() != 127 {
		return nil
	}
	return t.err
}

// Read reads what the other side sends.
func (t *tunnel) Read(p []byte) (int, error) { return t.output.Read(p) }

// Write sends to it.
func (t *tunnel) Write(p []byte) (int, error) { return t.input.Write(p) }

// Close ends the connection.
func (t *tunnel) Close() error {
	_ = t.input.Close()
	_ = t.output.Close()
	select {
	case <-t.ended:
	case <-time.After(settleTime / 4):
	}
	t.cancel()
	return nil
}

// LocalAddr is not known here.
func (t *tunnel) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is the address that it leads to.
func (t *tunnel) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(t.to) }

// SetDeadline does nothing, as the other two.
func (t *tunnel) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (t *tunnel) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (t *tunnel) SetWriteDeadline(time.Time) error { return nil }

// A signBuffer keeps what a command says on stderr, and knows the lines by which it says that it is connected, and that it has ended.
type signBuffer struct {
	tailBuffer
	connected, over func()
}

func (b *signBuffer) Write(p []byte) (int, error) {
	n, err := b.tailBuffer.Write(p)
	for line := range strings.Lines(b.String() + "\n") {
		switch {
		case strings.HasPrefix(line, "+ "):
			b.connected()
		case strings.HasPrefix(line, "- "):
			b.over()
		}
	}
	return n, err
}

// read returns the tool's own words, and how much time had gone by at a sign.
func (b *signBuffer) read(sign string) (words string, took time.Duration) {
	for line := range strings.Lines(b.String()) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "+" && f[0] != "-" {
			words += strings.TrimPrefix(line, "nc: ")
			continue
		}
		start, startErr := strconv.ParseFloat(f[1], 64)
		now, nowErr := strconv.ParseFloat(f[2], 64)
		if f[0] == sign && startErr == nil && nowErr == nil && now >= start {
			took = time.Duration((now-start)*1000) * time.Millisecond
		}
	}
	return strings.TrimSpace(words), took
}

// wholeSeconds is a time as tools take it, at least a second.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}
