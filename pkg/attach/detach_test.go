// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDetachKeys(t *testing.T) {
	const p, q = "\x10", "\x11"
	for _, test := range []struct {
		what, keys, typed, sent string
		detached                bool
	}{
		{"the keys", "ctrl-p,ctrl-q", "ls\r" + p + q + "lost", "ls\r", true},
		{"the first once too often", "ctrl-p,ctrl-q", p + p + q, p, true},
		{"often too often", "ctrl-p,ctrl-q", p + p + p + p + q, p + p + p, true},
		{"a beginning only", "ctrl-p,ctrl-q", p + "x" + q, p + "x" + q, false},
		{"a beginning at the end", "ctrl-p,ctrl-q", "ls" + p, "ls" + p, false},
		{"keys that begin again in themselves", "a,a,b", "aaab" + "c", "a", true},
		{"broken in the middle", "a,b,a,c", "ababac", "ab", true},
		{"one key", "ctrl-]", "ls\x1d", "ls", true},
		{"letters", "d,e", "abcde", "abc", true},
		{"none", "", "ls\r" + p + q, "ls\r" + p + q, false},
	} {
		for how, reader := range map[string]func(io.Reader) io.Reader{"at once": func(r io.Reader) io.Reader { return r }, "key by key": iotest.OneByteReader} {
			t.Run(test.what+", "+how, func(t *testing.T) {
				keys, err := ParseKeys(test.keys)
				if err != nil {
					t.Fatal(err)
				}
				sent, err := io.ReadAll(&escapeProxy{from: reader(strings.NewReader(test.typed)), keys: keys})
				if string(sent) != test.sent || errors.Is(err, ErrDetached) != test.detached || err != nil && !test.detached {
					t.Errorf("sent %q and %v, want %q, detached %v", sent, err, test.sent, test.detached)
				}
			})
		}
	}
}

// However small the buffer, all that was typed before the keys is sent.
func TestDetachingInASmallBuffer(t *testing.T) {
	d := &escapeProxy{from: strings.NewReader("abcdef\x10\x11"), keys: Keys("\x10\x11")}
	var sent strings.Builder
	_, err := io.CopyBuffer(struct{ io.Writer }{&sent}, struct{ io.Reader }{d}, make([]byte, 1))
	if sent.String() != "abcdef" || !errors.Is(err, ErrDetached) {
		t.Errorf("sent %q and %v", &sent, err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, text := range []string{"ctrl-", "ctrl-pq", "ctrl-p,,ctrl-q", "shift-p", "strg-p"} {
		if keys, err := ParseKeys(text); err == nil {
			t.Errorf("%q gave %q", text, keys)
		}
	}
}
