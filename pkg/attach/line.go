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

// ErrLost is in the error of a stream whose connection broke off, or went silent, after it had stood.
var ErrLost = errors.New("connection lost")

const (
	// pingEvery is how often client-go asks for a sign of life over WebSocket; SPDY is asked as often. The other side
	// answers both by itself, however idle the command is.
	pingEvery = 5 * time.Second
	// pulses is how many of these may go by without a byte.
	pulses = 4
)

// line is a stream's connection to the API server, or to the proxy before it. Once it is watched it is given up when
// nothing comes for too long: a network that is gone sends no end, and client-go notices over WebSocket after a minute and
// over SPDY never.
type line struct {
	net.Conn
	pulse   time.Duration
	giveUp  func(error)
	watched atomic.Bool
	broken  atomic.Bool // reading has failed
}

// Read waits for something to come. Silence is counted in periods, and only while somebody waits: a screen that is held
// (Ctrl-S) reads nothing, and a process that was stopped, or a machine that slept, has missed one period and not many.
func (l *line) Read(p []byte) (int, error) {
	if !l.watched.Load() {
		n, err := l.Conn.Read(p)
		l.note(err)
		return n, err
	}
	for quiet := 1; ; quiet++ {
		if err := l.Conn.SetReadDeadline(time.Now().Add(l.pulse)); err != nil {
			l.note(err)
			return 0, err
		}
		n, err := l.Conn.Read(p)
		switch {
		case n > 0 || !errors.Is(err, os.ErrDeadlineExceeded):
			l.note(err)
			return n, err
		case quiet == pulses:
			l.note(err)
			l.giveUp(fmt.Errorf("%w: nothing came for %s", ErrLost, pulses*l.pulse))
			return 0, err
		}
	}
}

func (l *line) note(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.broken.Store(true)
	}
}

// SetReadDeadline leaves a watched line to its own deadline. client-go's would end a session whose output is held for a
// minute.
func (l *line) SetReadDeadline(t time.Time) error {
	if l.watched.Load() {
		return nil
	}
	return l.Conn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (l *line) SetDeadline(t time.Time) error {
	return errors.Join(l.SetReadDeadline(t), l.SetWriteDeadline(t))
}

// connect opens the connection that this dial is about.
func (d *dial) connect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, pulse: d.pulse, giveUp: func(err error) {
		d.giveUp(fmt.Errorf("%s: %w", d.to.what, err))
	}}
	d.line.Store(l)
	return l, nil
}

// stands is called once the connection carries a stream, and pings. Where the stream has a stdin without a terminal, silence
// proves nothing: a command that does not read holds up the pings behind its input.
func (d *dial) stands() {
	d.stood.Store(true)
	if l := d.line.Load(); l != nil && d.watch {
		l.watched.Store(true)
	}
}

// cut tells whether the connection broke off before the other side gave a reason for the end.
func (d *dial) cut() bool {
	l := d.line.Load()
	return d.stood.Load() && l != nil && l.broken.Load() && !d.status.Load()
}
