// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"io"
	"sync"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// pump reads a stream whose Read cannot be interrupted, in one goroutine for the life of the stream. What it has read when a
// session ends is for the next session.
type pump struct {
	chunks chan chunk
	mu     sync.Mutex
	rest   chunk
}

type chunk struct {
	data []byte
	err  error
}

// pumpSize is the most, in bytes, that is read ahead.
const pumpSize = 4096

func startPump(ctx context.Context, from io.Reader) *pump {
	p := &pump{chunks: make(chan chunk)}
	crash.Go(ctx, func() {
		for {
			buffer := make([]byte, pumpSize)
			n, err := from.Read(buffer)
			p.chunks <- chunk{buffer[:n], err}
			if err != nil {
				return
			}
		}
	})
	return p
}

// read waits for input, and returns io.EOF at the end of the session. A failed stream keeps failing.
func (p *pump) read(buffer []byte, ended <-chan struct{}) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest.data) == 0 && p.rest.err == nil {
		select {
		case <-ended:
			return 0, io.EOF
		case p.rest = <-p.chunks:
		}
	}
	n := copy(buffer, p.rest.data)
	p.rest.data = p.rest.data[n:]
	if n > 0 {
		return n, nil
	}
	return 0, p.rest.err
}

// pumped is one session's use of a pump.
type pumped struct {
	*pump
	ended chan struct{}
	once  sync.Once
}

// pumpedInput starts the terminal's pump with the first session that needs it.
func (t *Terminal) pumpedInput(ctx context.Context) *pumped {
	t.pumpOnce.Do(func() { t.pump = startPump(ctx, t.in) })
	return &pumped{pump: t.pump, ended: make(chan struct{})}
}

func (p *pumped) Read(buffer []byte) (int, error) { return p.read(buffer, p.ended) }

func (p *pumped) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}
