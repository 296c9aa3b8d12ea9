// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// copySection hands on what comes before end, and takes end itself off the reader. Content has no length of its own
// on the wire: a file may give more or less than was announced, and what comes behind it must be found all the same.
func copySection(r *bufio.Reader, end []byte, to func([]byte) error) error {
	for {
		if _, err := r.Peek(len(end)); err != nil {
			return cutShort(err)
		}
		ready, err := r.Peek(r.Buffered())
		if err != nil {
			return err
		}
		found := bytes.Index(ready, end)
		free := found
		if found < 0 {
			free = len(ready) - len(end) + 1
		}
		if free > 0 {
			if err := to(ready[:free]); err != nil {
				return err
			}
		}
		if found >= 0 {
			free += len(end)
		}
		if _, err := r.Discard(free); err != nil {
			return err
		}
		if found >= 0 {
			return nil
		}
	}
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
