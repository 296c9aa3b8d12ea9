// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io"

	"github.com/moby/term"
)

// Keys end a session and not its process. Without keys nothing does.
type Keys []byte

// ParseKeys reads keys in the form of Docker and Podman: letters, or "ctrl-" and a letter or one of @ [ \ ] ^ _, separated
// by commas. "" means no keys.
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

// escapeProxy passes input on until the keys are typed in sequence. A key that may begin the sequence is held back until the
// next one decides. moby/term's escape proxy misses the sequence when its first key is typed once too often.
type escapeProxy struct {
	from  io.Reader
	keys  Keys
	typed int    // the number of keys that are held back
	ready []byte // what Read returns next
	err   error
}

func (d *escapeProxy) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.ready) == 0 && d.err == nil {
		buffer := make([]byte, max(len(p), len(d.keys)))
		n, err := d.from.Read(buffer)
		for _, key := range buffer[:n] {
			if d.matches(key) {
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
	return n, nil // Input before the keys is sent before the session ends.
}

// matches reports whether the key completes the sequence. A key that breaks the sequence releases what was held back, except
// for an end that may begin the sequence again.
func (d *escapeProxy) matches(key byte) bool {
	if len(d.keys) == 0 {
		d.ready = append(d.ready, key)
		return false
	}
	held := append(append([]byte{}, d.keys[:d.typed]...), key)
	for skip := range len(held) + 1 {
		rest := held[skip:] // empty in the last round, and a prefix of every sequence
		if string(rest) == string(d.keys[:len(rest)]) {
			d.ready = append(d.ready, held[:skip]...)
			d.typed = len(rest)
			break
		}
	}
	return d.typed == len(d.keys)
}
