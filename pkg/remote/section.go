// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // against damage, not against attacks: busybox has processor instructions for it
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
)

// A section reads contents up to the mark that ends them: what /proc says of sizes, and what files are, may change.
type section struct {
	b    *bufio.Reader
	end  []byte
	over bool
}

// Read gives what comes before the mark.
func (s *section) Read(p []byte) (int, error) {
	for !s.over && len(p) > 0 {
		if _, err := s.b.Peek(1); err != nil {
			return 0, Unexpected(err)
		}
		held, _ := s.b.Peek(s.b.Buffered())
		n := bytes.Index(held, s.end)
		if n == 0 {
			s.over = true
			_, err := s.b.Discard(len(s.end))
			if err != nil {
				return 0, err
			}
			break
		}
		if n < 0 {
			// The end of what is there may be the beginning of the mark.
			n = len(held)
			for k := min(len(s.end)-1, len(held)); k > 0; k-- {
				if bytes.HasPrefix(s.end, held[len(held)-k:]) {
					n = len(held) - k
					break
				}
			}
		}
		if n == 0 {
			if _, err := s.b.Peek(len(held) + 1); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return 0, Unexpected(err)
			}
			continue
		}
		n = copy(p, held[:n])
		_, err := s.b.Discard(n)
		return n, err
	}
	return 0, io.EOF
}

// Contents reads up to the mark that ends them.
func (a *Answer) Contents() io.Reader { return &section{b: a.Reader, end: []byte(a.Mark + ".")} }

// Section hands contents to write, and compares them with the checksum behind their end. They may have come packed. It reports
// whether the file was read without an error there.
func (a *Answer) Section(gzipped bool, write func([]byte) error) (good bool, err error) {
	hash := sha1.New() //nolint:gosec // see above
	contents := a.Contents()
	if gzipped {
		contents = &unpacker{section: contents}
	}
	buffer, damaged := make([]byte, 64<<10), false
	for {
		n, err := contents.Read(buffer)
		if n > 0 {
			_, _ = hash.Write(buffer[:n])
			if err := write(buffer[:n]); err != nil {
				return false, err
			}
		}
		if damaged = err == ErrDamaged; damaged || err == io.EOF { //nolint:errorlint // their own
			break
		}
		if err != nil {
			return false, err
		}
	}
	state, err := a.Field()
	if err != nil {
		return false, err
	}
	// A sum of 40 letters, and "s" with the status of reading.
	words := strings.Fields(state)
	if damaged || !slices.Contains(words, hex.EncodeToString(hash.Sum(nil))) {
		return false, ErrDamaged
	}
	return slices.Contains(words, "s0"), nil
}

// An unpacker unpacks a section, whose end is read too.
type unpacker struct {
	section io.Reader
	z       *gzip.Reader
}

// Read gives unpacked bytes. What is no gzip is damage.
func (u *unpacker) Read(p []byte) (n int, err error) {
	if u.z == nil {
		// Its own reader takes 4 KiB at a time.
		if u.z, err = gzip.NewReader(bufio.NewReaderSize(u.section, 64<<10)); err != nil {
			return 0, u.failed()
		}
	}
	if n, err = u.z.Read(p); err != nil && err != io.EOF { //nolint:errorlint // its own
		return n, u.failed()
	}
	return n, err
}

// failed reads the rest of the section, as the answer goes on behind it.
func (u *unpacker) failed() error {
	if _, broken := io.Copy(io.Discard, u.section); broken != nil {
		return broken
	}
	return ErrDamaged
}

// ErrDamaged says that bytes arrived otherwise than they were sent.
var ErrDamaged = &BrokenError{Cause: errors.New("checksum mismatch: data was corrupted in transit")}
