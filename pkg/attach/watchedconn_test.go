// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// twoEnds is a line that is watched, and its far side.
func twoEnds(t *testing.T) (near *watchedConn, far net.Conn, lost chan error) {
	t.Helper()
	conn, far := net.Pipe()
	lost = make(chan error, 1)
	near = &watchedConn{Conn: conn, pingInterval: defaultPingInterval, giveUp: func(err error) { lost <- err }}
	near.watched.Store(true)
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far, lost
}

func TestSilentLineIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _, lost := twoEnds(t)
		start := time.Now()
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading gave %v", err)
		}
		if err := <-lost; !errors.Is(err, ErrLost) {
			t.Errorf("given up with %v", err)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("noticed after %s", took)
		}
	})
}

// A line on which little comes, but never nothing for too long.
func TestSlowLineIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far, lost := twoEnds(t)
		go func() {
			defer far.Close()
			for range 8 {
				<-time.After(maxMissedPings*near.pingInterval - time.Second)
				_, _ = far.Write([]byte("."))
			}
		}()
		dots := 0
		for buffer := make([]byte, 1); ; dots++ {
			if _, err := near.Read(buffer); err != nil {
				break
			}
		}
		if dots != 8 || len(lost) > 0 {
			t.Errorf("%d of 8 bytes arrived; given up: %d", dots, len(lost))
		}
	})
}

// Whoever does not read, as a screen that is held, misses nothing; a deadline of client-go's ends nothing either.
func TestHeldLineIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far, lost := twoEnds(t)
		if err := near.SetReadDeadline(time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * maxMissedPings * near.pingInterval)
		go func() { _, _ = far.Write([]byte("!")) }()
		if n, err := near.Read(make([]byte, 1)); n != 1 || err != nil || len(lost) > 0 {
			t.Errorf("read %d bytes and %v; given up: %d", n, err, len(lost))
		}
	})
}
