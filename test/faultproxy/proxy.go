// SPDX-License-Identifier: Apache-2.0

// Package faultproxy is a bad line on this machine: a hop in front of an API server that passes TLS on as it is, up to a
// byte at which it cuts, resets or stalls the connection. It neither reads nor changes what goes through, but for the names
// of protocols with which a connection begins, and speaks to loopback only.
package faultproxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// A Kind is what happens to a connection.
type Kind int

// Cut ends both sides as if they had closed it, Reset as if they had gone away, and Stall lets nothing through any more.
const (
	Cut Kind = iota
	Reset
	Stall
)

func (k Kind) String() string { return [...]string{"cut", "reset", "stall"}[k] }

// A Fault is to happen to one connection.
type Fault struct {
	Kind  Kind
	Up    bool  // bytes from the client to the server are counted, else those from the server
	After int64 // how many of them go through
	Both  bool  // a Stall is one of the two directions
	// Wake is how long a Stall takes: then what was held up goes on its way. 0 is for ever.
	Wake time.Duration
}

func (f Fault) String() string {
	way := "down"
	if f.Up {
		way = "up"
	}
	text := fmt.Sprintf("%s at byte %d %s", f.Kind, f.After, way)
	if f.Kind == Stall {
		text += fmt.Sprintf(" (both ways %t, for %s)", f.Both, f.Wake)
	}
	return text
}

const (
	// lifetime is how long a connection may last, connections how many there may be: a proxy that is forgotten ends.
	lifetime    = 4 * time.Minute
	connections = 100
	// dialTime is how long the server may take to accept one.
	dialTime = 10 * time.Second
)

// A Proxy is one such line.
type Proxy struct {
	server   string
	faults   func(stream int) *Fault
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the proxy's own life
	cancel   context.CancelFunc
	running  sync.WaitGroup
	line     Line

	mu      sync.Mutex
	streams int
	struck  []Fault
	up      []int64 // of each stream
	down    []int64
}

// New listens on a port of 127.0.0.1, until ctx ends or Close is called. server is the address, on loopback, that it leads
// to. faults is asked about each stream, one after the other, which is a connection that can be upgraded, from 0 on; nil is none. Connections for
// requests (HTTP/2) are left alone.
func New(ctx context.Context, server string, faults func(stream int) *Fault) (*Proxy, error) {
	return NewLine(ctx, server, Line{}, faults)
}

// NewLine is New for a line that is slow as well.
func NewLine(ctx context.Context, server string, line Line, faults func(stream int) *Fault) (*Proxy, error) {
	address, err := net.ResolveTCPAddr("tcp", server)
	if err != nil {
		return nil, err
	}
	if !address.IP.IsLoopback() {
		return nil, fmt.Errorf("a proxy to %s: only loopback is meant for breaking", server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{server: address.String(), faults: faults, listener: listener, line: line}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.running.Go(p.accept)
	p.running.Go(func() {
		<-p.ctx.Done()
		_ = listener.Close()
	})
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close ends it and all its connections.
func (p *Proxy) Close() {
	p.cancel()
	p.running.Wait()
}

// Struck are the faults that have happened.
func (p *Proxy) Struck() []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Fault(nil), p.struck...)
}

// Moved is how many bytes the busiest stream has carried each way.
func (p *Proxy) Moved() (up, down int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.up {
		up, down = max(up, p.up[i]), max(down, p.down[i])
	}
	return up, down
}

func (p *Proxy) accept() {
	for range connections {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(near.(*net.TCPConn)) }) //nolint:forcetypeassert // a TCP listener's
	}
	_ = p.listener.Close()
}

func (p *Proxy) serve(near *net.TCPConn) {
	defer func() { _ = near.Close() }()
	far, err := net.DialTimeout("tcp", p.server, dialTime)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	c := &connection{Proxy: p, near: near, far: far.(*net.TCPConn), over: make(chan struct{})} //nolint:forcetypeassert // TCP was dialled
	ctx, cancel := context.WithTimeout(p.ctx, lifetime)
	defer cancel()
	defer context.AfterFunc(ctx, c.end)()
	input := bufio.NewReaderSize(near, 32<<10)
	c.stream = -1
	if isStream(input) {
		c.begin()
	}
	var both sync.WaitGroup
	both.Go(func() { c.pass(c.far, c.near, p.line.shaped(input), true) })
	both.Go(func() { c.pass(c.near, c.far, p.line.shaped(far), false) })
	both.Wait()
}

// isStream tells a connection for one upgraded request from one for many: that offers HTTP/2 in its greeting, a TLS record.
func isStream(r *bufio.Reader) bool {
	head, err := r.Peek(5)
	if err != nil {
		return false
	}
	hello, err := r.Peek(min(5+int(head[3])<<8+int(head[4]), r.Size()))
	return err == nil && !bytes.Contains(hello, []byte("\x02h2\x08http/1.1"))
}

// A connection is both of its sides.
type connection struct {
	*Proxy
	near, far *net.TCPConn
	stream    int // -1 is none
	fault     *Fault
	once      sync.Once
	over      chan struct{} // it has ended
	strikes   sync.Once
	stalled   chan struct{} // closed where both directions stall, until
	awake     chan struct{} // is
}

func (c *connection) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream = c.streams
	c.streams++
	c.up, c.down = append(c.up, 0), append(c.down, 0)
	c.stalled, c.awake = make(chan struct{}), make(chan struct{})
	if c.faults != nil {
		c.fault = c.faults(c.stream)
	}
}

// count adds to what went through, and says how much of it may.
func (c *connection) count(n int, up bool) int {
	if c.stream < 0 {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := &c.down[c.stream]
	if up {
		moved = &c.up[c.stream]
	}
	if c.fault != nil && c.fault.Up == up {
		n = int(min(int64(n), max(0, c.fault.After-*moved)))
	}
	*moved += int64(n)
	return n
}

func (c *connection) pass(to, from *net.TCPConn, r io.Reader, up bool) {
	buffer := make([]byte, block)
	for {
		n, err := r.Read(buffer)
		through := c.count(n, up)
		c.hold()
		if _, err := to.Write(buffer[:through]); err != nil {
			c.end()
			return
		}
		if through < n {
			if !c.strike(to, from) {
				return
			}
			if _, err := to.Write(buffer[through:n]); err != nil {
				c.end()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite()
			return
		case err != nil:
			c.end()
			return
		}
	}
}

// strike has the fault happen, and tells whether the connection goes on.
func (c *connection) strike(to, from *net.TCPConn) bool {
	first := false
	c.strikes.Do(func() { first = true })
	if !first {
		return true
	}
	f := *c.fault
	c.mu.Lock()
	c.struck = append(c.struck, f)
	c.fault = nil
	c.mu.Unlock()
	switch f.Kind {
	case Cut:
		_, _ = to.CloseWrite(), from.CloseWrite()
		// An end is not to look like a reset because of what is still coming.
		_ = from.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, from)
		c.end()
		return false
	case Reset:
		_, _ = c.near.SetLinger(0), c.far.SetLinger(0)
		c.end()
		return false
	default:
		defer close(c.awake)
		if f.Both {
			close(c.stalled)
		}
		return c.sleep(f.Wake)
	}
}

// sleep reports whether the connection still is when it is over.
func (c *connection) sleep(wake time.Duration) bool {
	var woken <-chan time.Time
	if wake > 0 {
		timer := time.NewTimer(wake)
		defer timer.Stop()
		woken = timer.C
	}
	select {
	case <-c.over:
		return false
	case <-woken:
		return true
	}
}

// hold stops a direction in which nothing happened, where both stall.
func (c *connection) hold() {
	select {
	case <-c.stalled:
		<-c.awake
	default:
	}
}

func (c *connection) end() {
	c.once.Do(func() {
		close(c.over)
		_, _ = c.near.Close(), c.far.Close()
	})
}
