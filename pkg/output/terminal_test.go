// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Whatever a file holds, and however it is cut, no byte that a terminal acts on gets through.
func TestScreenEscapesControlCharacters(t *testing.T) {
	const text = "a\tb\\c\x1b]0;owned\x07\nü\xc2\x9b6n\xff\u202eé\r\n\xc3"
	const want = `a	b\c\x1b]0;owned\x07` + "\n" + `ü\u009b6n\xff\u202eé\r` + "\n" + `\xc3`
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		s := &Screen{out: NewOutput(&out)}
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			if n, err := io.WriteString(s, rest[:min(size, len(rest))]); n != min(size, len(rest)) || err != nil {
				t.Fatal(n, err)
			}
		}
		var err error
		s.Close(&err)
		if err != nil || out.String() != want {
			t.Errorf("%d bytes at once: %q, want %q; %v", size, out.String(), want, err)
		}
	}
}

func TestScreenThatIsNoTerminalChangesNothing(t *testing.T) {
	var out bytes.Buffer
	s := (&Reporter{IOStreams: &genericiooptions.IOStreams{Out: &out}}).Screen(false)
	const text = "\x1b[6n\xc3"
	if _, err := io.WriteString(s, text); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Close(&err); out.String() != text || err != nil {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestScreenThatFails(t *testing.T) {
	s := &Screen{out: NewOutput(full{})}
	_, err := io.WriteString(s, "a\xc3")
	if _, ok := errors.AsType[WriteError](err); !ok {
		t.Errorf("error %v", err)
	}
}
