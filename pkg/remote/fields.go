// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"errors"
	"io"
)

// fieldLimit bounds a field of an answer in bytes: the longest are passwd and group, cut at 1 MiB, and the facts of a batch.
const fieldLimit = 8 << 20

// errEndless ends an answer that a target, or a forged helper, makes as long as it likes.
var errEndless = errors.New("read answer of helper: unterminated field")

// readField reads up to the next NUL.
func readField(r *bufio.Reader) (string, error) {
	var field []byte
	for {
		part, err := r.ReadSlice(0)
		field = append(field, part...)
		switch {
		case err == nil:
			return string(field[:len(field)-1]), nil
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		case len(field) > fieldLimit:
			return "", errEndless
		}
	}
}

// readFields reads the next fields into the places given.
func readFields(r *bufio.Reader, into ...*string) error {
	for _, place := range into {
		var err error
		if *place, err = readField(r); err != nil {
			return err
		}
	}
	return nil
}

func validName(name string) bool { return name != "" && name != "." && name != ".." }
