// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io"

	"github.com/moby/term"
)

// Keys are the keys that end a session and not its process; none where they are empty.
type Keys []byte

// ParseKeys reads keys as Docker and Podman take them: a letter or "ctrl-" and a letter or one of @ [ \ ] ^ _, several behind
// commas, "" for none.
func ParseKeys(text string) (Keys, error) {
	if text == "" {
		return nil, nil
	}
	keys, err := term.ToBytes(text)
	if err != nil {
		return nil, fmt.Errorf("read detach keys %q: %w", text, err)
	}
	return keys, nil
}

// detaching passes on what is typed until all the keys were typed one after the other. It takes the place of moby/term's
// escape proxy, which misses the keys where the first of them is typed once too often. A key that may begin the sequence is held back until the next one says.
type detaching struct {
	from  io.Reader
	keys  Keys
	typed int    // how many of the keys were typed, and are held back
	ready []byte // to be passed on
	err   error
}

func (d *detaching) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.ready) == 0 && d.err == nil {
		buffer := make([]byte, max(len(p), len(d.keys)))
		n, err := d.from.Read(buffer)
		for _, key := range buffer[:n] {
			if d.take(key) {
				d.err = ErrDetached
				break
			}
		}
		if err != nil && !errors.Is(d.err, ErrDetached) {
			d.ready = append(d.ready, d.keys[:d.typed]...)
			d.typed, d.err = 0, err
		}
	}
	if len(d.ready) == 0 {
		return 0, d.err
	}
	n := copy(p, d.ready)
	d.ready = d.ready[n:]
	return n, nil // What was typed before is sent before the session ends.
}

// take tells whether the sequence is complete. Where the key breaks it, what was held back goes on its way, but for its end
// that may begin the sequence again.
func (d *detaching) take(key byte) bool {
	if len(d.keys) == 0 {
		d.ready = append(d.ready, key)
		return false
	}
	held := append(append([]byte{}, d.keys[:d.typed]...), key)
	for skip := range len(held) + 1 {
		rest := held[skip:] // at the latest nothing, which begins every sequence
		if string(rest) == string(d.keys[:len(rest)]) {
			d.ready = append(d.ready, held[:skip]...)
			d.typed = len(rest)
			break
		}
	}
	return d.typed == len(d.keys)
}
