// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"sync"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Pool keeps one connection to each helper for the sessions of a program that opens many, which then make none of their own.
type Pool struct {
	ctx   context.Context //nolint:containedctx // connections outlive the session that has one made
	alone bool

	mu    sync.Mutex
	lines map[attach.Container]*pooled
}

// pooled is a connection, and how many have it.
type pooled struct {
	conn *remote.Conn
	lent int
}

// NewPool returns a Pool whose connections live as long as ctx and until Close. With alone a connection is lent to one at a time, as
// moving many bytes needs it: who comes second makes one of its own. Otherwise requests wait for each other.
func NewPool(ctx context.Context, alone bool) *Pool {
	return &Pool{ctx: ctx, alone: alone, lines: map[attach.Container]*pooled{}}
}

// connect is a connection to the session's helper: a pool's, or one that lives as long as ctx.
func connect(ctx context.Context, s *Session) *remote.Conn {
	if p := s.deps.Pool; p != nil {
		if conn := p.lend(s); conn != nil {
			return conn
		}
	}
	return remote.Connect(ctx, s.Runner())
}

func (p *Pool) lend(s *Session) *remote.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.lines[at(s)]
	if line == nil {
		line = &pooled{conn: remote.Connect(p.ctx, s.Runner())}
		p.lines[at(s)] = line
	}
	if p.alone && line.lent > 0 {
		return nil
	}
	line.lent++
	return line.conn.Lend(sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		line.lent--
	}))
}

// Close ends the connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, line := range p.lines {
		_ = line.conn.Close() // what it had to say it has said
		delete(p.lines, name)
	}
}
