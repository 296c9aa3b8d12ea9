// SPDX-License-Identifier: Apache-2.0

package output

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/moby/term"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// Progress shows on a terminal how much of what takes longer than a second has been copied.
type Progress struct {
	Total atomic.Int64 // 0: not known
	done  atomic.Int64
	live  bool // somebody sees it
	out   io.Writer
	quit  chan struct{}
	ended chan struct{}
}

// Progress shows how much has been copied, until it is stopped.
func (r *Reporter) Progress(ctx context.Context) *Progress {
	if r.Bar != nil {
		return r.Bar
	}
	p := &Progress{quit: make(chan struct{}), ended: make(chan struct{})}
	if _, terminal := term.GetFdInfo(r.ErrOut); !terminal || r.Quiet {
		close(p.ended)
		return p
	}
	p.live, p.out = true, r.ErrOut
	crash.Go(ctx, func() { p.show(r.ErrOut, time.Now()) })
	return p
}

// Add counts bytes.
func (p *Progress) Add(n int64) { p.done.Add(n) }

// Done is how many bytes have been copied.
func (p *Progress) Done() int64 { return p.done.Load() }

// Clear makes room for a line of something else.
func (p *Progress) Clear() {
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *Progress) show(w io.Writer, start time.Time) {
	defer close(p.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	shown := false
	for {
		select {
		case <-p.quit:
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return
		case now := <-tick.C:
			shown = true
			fmt.Fprint(w, "\r\x1b[K"+progressLine(p.done.Load(), p.Total.Load(), now.Sub(start)))
		}
	}
}

// Line is bytes, rate and the time that is left, since elapsed.
func (p *Progress) Line(elapsed time.Duration) string {
	return progressLine(p.done.Load(), p.Total.Load(), max(elapsed, time.Millisecond))
}

// progressLine is bytes, rate and, where the end is known, the time that is left.
func progressLine(done, total int64, elapsed time.Duration) string {
	rate := float64(done) / elapsed.Seconds()
	line := HumanBytes(done)
	if total > 0 {
		line += " of " + HumanBytes(total)
	}
	line += "  " + HumanBytes(int64(rate)) + "/s"
	if total > done && rate >= 1 {
		line += "  " + time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second).String() + " left"
	}
	return line
}

// Stop takes the line away.
func (p *Progress) Stop() {
	if p.quit == nil {
		return // somebody else shows it
	}
	close(p.quit)
	<-p.ended
}
