// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // see section.go
	"encoding/hex"
	"fmt"
	"io"
	"testing"
)

func answerReader(text []byte) *Answer {
	return &Answer{Reader: bufio.NewReaderSize(bytes.NewReader(text), 16), Mark: "MARK"}
}

// A mark is found however the stream is cut into writes, and nothing else is taken for it.
func FuzzReply(f *testing.F) {
	f.Add([]byte("content"), uint8(3), uint16(0))
	f.Add([]byte("\x00MAR\x00MA\x00"), uint8(2), uint16(7))
	f.Add([]byte("\x00MARL000\n"), uint8(200), uint16(999))
	f.Add([]byte{}, uint8(0), uint16(52))
	f.Fuzz(func(t *testing.T, content []byte, step uint8, code uint16) {
		code %= 1000
		w, pipe := newReply("MARK")
		stream := append(bytes.Clone(content), fmt.Sprintf("\x00MARK%03d\n", code)...)
		if bytes.Contains(content, []byte("\x00MARK")) {
			t.Skip("130 random bits are not met by chance")
		}
		go func() {
			for chunk := max(1, int(step)); len(stream) > 0; stream = stream[min(chunk, len(stream)):] {
				if _, err := w.Write(stream[:min(chunk, len(stream))]); err != nil {
					break
				}
			}
			w.end(nil)
		}()
		got, err := io.ReadAll(pipe)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("got %q, %v of %q", got, err, content)
		}
		if c, marked := w.result(); !marked || c != int(code) {
			t.Fatalf("code %d, marked %v, want %d", c, marked, code)
		}
	})
}

// Bytes arrive as they were sent, or not at all.
func FuzzReadSection(f *testing.F) {
	seal := func(content string) []byte {
		h := sha1.Sum([]byte(content)) //nolint:gosec // see section.go
		return []byte(content + "MARK." + hex.EncodeToString(h[:]) + "  - s0\x00")
	}
	f.Add(seal("content"))
	f.Add(seal("MARMARK MAR"))
	f.Add([]byte("contentMARK.\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, answer []byte) {
		var got bytes.Buffer
		good, err := answerReader(answer).Section(false, func(p []byte) error {
			_, err := got.Write(p)
			return err
		})
		h := sha1.Sum(got.Bytes()) //nolint:gosec // see section.go
		if good && err != nil || err == nil && !bytes.Contains(answer, []byte(got.String()+"MARK.")) || err == nil && !bytes.Contains(answer, []byte(hex.EncodeToString(h[:]))) {
			t.Fatalf("%q, %v, %v of %q", &got, good, err, answer)
		}
	})
}
