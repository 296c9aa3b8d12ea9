// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A pulse knows when a link last gave a sign of life, and when its answer made progress.
type pulse struct {
	mu       sync.Mutex
	moved    time.Time     // of the last progress
	patience time.Duration // how long the answer may take without; 0 for as long as any
	last     time.Time     // of the last sign; zero until the stream is open, which the Runner itself has to wait for
	busy     bool          // somebody here takes time with what came: no fault of the stream
}

// begin notes that an answer is waited for.
func (p *pulse) begin(patience time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved, p.patience = time.Now(), patience
}

// progress notes that a verb does something.
func (p *pulse) progress() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = time.Now()
}

// open notes that there is a stream.
func (p *pulse) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		p.last = time.Now()
	}
}

// sign notes a sign of life.
func (p *pulse) sign(busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.busy = time.Now(), busy
}

// overdue says why a link is to be given up: no sign of life, or no progress where there has to be some.
func (p *pulse) overdue(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.last.IsZero() || p.busy:
		return nil
	case now.Sub(p.last) > Silence:
		return fmt.Errorf("%w: nothing received for %s", ErrStalled, Silence)
	case p.patience > 0 && now.Sub(p.moved) > p.patience:
		return ErrStuck
	}
	return nil
}

// An opening is stdin: once it is read there is a stream.
type opening struct {
	io.Reader
	pulse *pulse
}

func (o *opening) Read(p []byte) (int, error) {
	o.pulse.open()
	return o.Reader.Read(p)
}

// signs is a stream on which every byte is a sign of life.
type signs struct {
	write func([]byte) (int, error)
	pulse *pulse
}

func (s signs) Write(p []byte) (int, error) {
	s.pulse.sign(true)
	defer s.pulse.sign(false)
	return s.write(p)
}
