// SPDX-License-Identifier: Apache-2.0

package output

import (
	"fmt"
	"sync"
	"time"

	"github.com/moby/term"
)

// liveLine is what is being waited for: on a terminal one line that is written over, elsewhere a line whenever it changes.
type liveLine struct {
	mu    sync.Mutex
	shown bool
	last  string
	since time.Time
}

// Waiting shows what is waited for, and "" that it is no more.
func (r *Reporter) Waiting(text string) {
	r.live.mu.Lock()
	defer r.live.mu.Unlock()
	text = EscapeLine(text)
	if r.Quiet {
		return
	}
	fd, terminal := term.GetFdInfo(r.ErrOut)
	if !terminal {
		if text != "" && text != r.live.last {
			fmt.Fprintln(r.ErrOut, text)
		}
		r.live.last = text
		return
	}
	r.clearLive()
	if text == "" {
		r.live.last, r.live.since = "", time.Time{}
		return
	}
	if r.live.since.IsZero() {
		r.live.since = time.Now()
	}
	line := []rune(fmt.Sprintf("%s (%s)", text, time.Since(r.live.since).Truncate(time.Second)))
	if size, err := term.GetWinsize(fd); err == nil && size.Width > 1 && len(line) >= int(size.Width) {
		line = append(line[:size.Width-2], '…') // what is longer than the line could not be written over
	}
	fmt.Fprint(r.ErrOut, string(line))
	r.live.shown = true
}

// clearLive takes the line away, for what stays.
func (r *Reporter) clearLive() {
	if r.live.shown {
		fmt.Fprint(r.ErrOut, "\r\x1b[K")
		r.live.shown = false
	}
}
