// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text that came from a target fit for a terminal and for one line: control characters (C0, DEL, C1),
// what reorders or hides text (Unicode's Cf, with it the bidirectional controls; line and paragraph separators) and
// bytes that are not UTF-8 become \n, \t, \r, \x1b, \u202e, … A backslash becomes two, so that no two texts look the
// same. Everything else stays, the joiners of emoji and Indic scripts (U+200C, U+200D) included.
func Escape(text string) string {
	if !needsEscape(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else {
			writeRune(&b, r)
		}
		i += size
	}
	return b.String()
}

func needsEscape(text string) bool {
	if plain(text) {
		return false
	}
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || unsafeRune(r) })
}

// plain reports whether a text is printable ASCII, as most names are.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func unsafeRune(r rune) bool {
	if r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

func writeRune(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\\':
		b.WriteString(`\\`)
	case !unsafeRune(r):
		b.WriteRune(r)
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
