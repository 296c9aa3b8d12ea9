// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// ErrLost is in the error of a stream whose connection broke or went silent after it was established.
var ErrLost = errors.New("connection lost")

const (
	// defaultPingInterval is client-go's interval for WebSocket pings, and ours for SPDY. The server answers both, however idle
	// the command is.
	defaultPingInterval = 5 * time.Second
	// maxMissedPings is the number of intervals without a byte after which the connection is lost.
	maxMissedPings = 4
)

// watchedConn is a stream's connection to the API server or a proxy. When watched, it is given up after too long a silence:
// a network that is gone sends no end. client-go notices that after a minute over WebSocket, and never over SPDY.
type watchedConn struct {
	net.Conn
	pingInterval time.Duration
	giveUp       func(error)
	watched      atomic.Bool
	broken       atomic.Bool // Read has failed
}

// Read counts silence in intervals, and only while somebody reads: a screen that is held (Ctrl-S) does not read, and a
// process that was stopped or a machine that slept has missed one interval.
func (c *watchedConn) Read(p []byte) (int, error) {
	if !c.watched.Load() {
		n, err := c.Conn.Read(p)
		c.recordError(err)
		return n, err
	}
	for quiet := 1; ; quiet++ {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.pingInterval)); err != nil {
			c.recordError(err)
			return 0, err
		}
		n, err := c.Conn.Read(p)
		switch {
		case n > 0 || !errors.Is(err, os.ErrDeadlineExceeded):
			c.recordError(err)
			return n, err
		case quiet == maxMissedPings:
			c.recordError(err)
			c.giveUp(fmt.Errorf("%w: nothing received for %s", ErrLost, maxMissedPings*c.pingInterval))
			return 0, err
		}
	}
}

func (c *watchedConn) recordError(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.broken.Store(true)
	}
}

// SetReadDeadline is ignored when the connection is watched. client-go's deadline ends a session whose output is held for a
// minute.
func (c *watchedConn) SetReadDeadline(t time.Time) error {
	if c.watched.Load() {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *watchedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// connect opens the connection.
func (d *dial) connect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &watchedConn{Conn: conn, pingInterval: d.pingInterval}
	own(d, l)
	return l, nil
}

// own makes a connection the stream's.
func own(d *dial, l *watchedConn) {
	l.giveUp = func(err error) { d.giveUp(fmt.Errorf("%s: %w", d.to.what, err)) }
	d.conn.Store(l)
}

// markEstablished is called when the connection carries a stream, and pings. With a stdin that is no terminal, silence means
// nothing: a command that does not read its input holds up the pings behind it.
func (d *dial) markEstablished(protocol Transport) {
	d.log.V(6).Info("Stream opened", "call", d.to.what, "transport", protocol)
	d.established.Store(true)
	if l := d.conn.Load(); l != nil && d.watch {
		l.watched.Store(true)
	}
}

// cut reports whether the connection broke before the status arrived.
func (d *dial) cut() bool {
	l := d.conn.Load()
	return d.established.Load() && l != nil && l.broken.Load() && !d.status.Load()
}
