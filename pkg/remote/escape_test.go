// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"plain äöü 😀 日本":        "plain äöü 😀 日本",
		"a\nb\tc\rd":            `a\nb\tc\rd`,
		"\x1b[31m\x07\x00\x7f":  `\x1b[31m\x07\x00\x7f`,
		"\u009b2J":              `\u009b2J`,
		"\u202egnp.exe":         `\u202egnp.exe`,
		"\u061c\u200e\u2066":    `\u061c\u200e\u2066`,
		"\u2028\u2029\ufeff":    `\u2028\u2029\ufeff`,
		"\xff\xc3(":             `\xff\xc3(`,
		`a\nb`:                  `a\\nb`,
		"\U000e0041":            `\U000e0041`,
		"\u200dfamily\u200c":    "\u200dfamily\u200c",
		"replacement \ufffd is": "replacement \ufffd is",
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Escaped text is safe, printable text stays, and different texts stay different.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\x1b]0;x\a", "\u202e\xff\\", `\x1b`, "\u0085\u009b", "é\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Escape(text)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q has %U", got, r)
			}
		}
		if back := unescape(t, got); back != text {
			t.Fatalf("%q came back as %q", text, back)
		}
	})
}

// unescape reads what Escape wrote.
func unescape(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			i++
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[i+1]]
		var n rune
		if digits > 0 {
			if _, err := fmt.Sscanf(text[i+2:i+2+digits], "%x", &n); err != nil {
				t.Fatal(err)
			}
		}
		switch text[i+1] {
		case 'x':
			b.WriteByte(byte(n))
		case 'u', 'U':
			b.WriteRune(n)
		default:
			b.WriteByte(map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\'}[text[i+1]])
		}
		i += 2 + digits
	}
	return b.String()
}
