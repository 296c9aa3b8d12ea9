// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// fieldLimit bounds a field of an answer in bytes: the longest are passwd and group, cut at 1 MiB, and the facts of a batch.
const fieldLimit = 8 << 20

// MaxPath is the longest path that Linux takes (PATH_MAX without its NUL).
const MaxPath = 4095

// ErrEndless ends an answer that a target, or a forged helper, makes as long as it likes.
var ErrEndless = errors.New("read answer of helper: unterminated field")

// Field reads up to the next NUL.
func (a *Answer) Field() (string, error) {
	var field []byte
	for {
		part, err := a.ReadSlice(0)
		field = append(field, part...)
		switch {
		case err == nil:
			return string(field[:len(field)-1]), nil
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		case len(field) > fieldLimit:
			return "", ErrEndless
		}
	}
}

// Fields reads the next fields into the places given.
func (a *Answer) Fields(into ...*string) error {
	for _, place := range into {
		var err error
		if *place, err = a.Field(); err != nil {
			return err
		}
	}
	return nil
}

// Expect reads a text that has to come.
func (a *Answer) Expect(text string) error {
	got := make([]byte, len(text))
	if _, err := io.ReadFull(a, got); err != nil {
		return Unexpected(err)
	}
	if string(got) != text {
		return fmt.Errorf("read tree: %.200q instead of %.200q", got, text)
	}
	return nil
}

// Until reads up to a text whose last byte is not in it before: a path, or a line about a file.
func (a *Answer) Until(end string) (string, error) {
	var kept []byte
	for {
		part, err := a.ReadSlice(end[len(end)-1])
		kept = append(kept, part...)
		switch {
		case err == nil && bytes.HasSuffix(kept, []byte(end)):
			return string(kept[:len(kept)-len(end)]), nil
		case err != nil && err != bufio.ErrBufferFull: //nolint:errorlint // as bufio gives it
			return "", Unexpected(err)
		case len(kept) > 2*MaxPath:
			return "", ErrEndless
		}
	}
}

// Unexpected is the error of who reads what has to come.
func Unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // as io gives it
		return io.ErrUnexpectedEOF
	}
	return err
}

// Number is a decimal number of the answer.
func Number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read answer of helper: %w", err)
	}
	return n, nil
}

// Numbers parses numbers and keeps the first error.
type Numbers struct{ Err error }

// Unsigned parses a number in a base that fits in some bits.
func (p *Numbers) Unsigned(text string, base, bits int) uint64 {
	n, err := strconv.ParseUint(text, base, bits)
	p.keep(err)
	return n
}

// Signed parses a decimal number that may have a sign.
func (p *Numbers) Signed(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	p.keep(err)
	return n
}

func (p *Numbers) keep(err error) {
	if p.Err == nil {
		p.Err = err
	}
}

// CheckPath refuses what no path of Linux can be.
func CheckPath(op, path string) error {
	switch {
	case strings.ContainsRune(path, 0):
		return &fs.PathError{Op: op, Path: path, Err: fs.ErrInvalid}
	case len(path) > MaxPath:
		return &fs.PathError{Op: op, Path: path, Err: ErrNameTooLong}
	}
	return nil
}
