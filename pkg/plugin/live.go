// SPDX-License-Identifier: Apache-2.0

package plugin

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

// waiting shows what is waited for, and "" that it is no more.
func (f *Factory) waiting(text string) {
	f.live.mu.Lock()
	defer f.live.mu.Unlock()
	text = clean(text)
	if f.Quiet {
		return
	}
	fd, terminal := term.GetFdInfo(f.Streams.ErrOut)
	if !terminal {
		if text != "" && text != f.live.last {
			fmt.Fprintln(f.Streams.ErrOut, text)
		}
		f.live.last = text
		return
	}
	f.clearLive()
	if text == "" {
		f.live.last, f.live.since = "", time.Time{}
		return
	}
	if f.live.since.IsZero() {
		f.live.since = time.Now()
	}
	line := []rune(fmt.Sprintf("%s (%s)", text, time.Since(f.live.since).Truncate(time.Second)))
	if size, err := term.GetWinsize(fd); err == nil && size.Width > 1 && len(line) >= int(size.Width) {
		line = append(line[:size.Width-2], '…') // what is longer than the line could not be written over
	}
	fmt.Fprint(f.Streams.ErrOut, string(line))
	f.live.shown = true
}

// clearLive takes the line away, for what stays.
func (f *Factory) clearLive() {
	if f.live.shown {
		fmt.Fprint(f.Streams.ErrOut, "\r\x1b[K")
		f.live.shown = false
	}
}
