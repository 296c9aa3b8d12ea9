// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"
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

func TestParseStat(t *testing.T) {
	const front, back = "65025:77 81a4 9663676416 1000660000 4294967294 2 12:34 -3 1969-12-31 ", " 2023-11-14 22:13:20.5 +0000"
	want := Stat{
		Mode: 0o100644, UID: 1000660000, GID: 4294967294, Nlink: 2, Ino: 77, Dev: 65025, RdevMajor: 0x12, RdevMinor: 0x34, Size: 9 << 30,
		Blocks: 8,
	}
	for moment, nanos := range map[string]int64{"23:59:57.123456789 +0000": 123456789, "23:59:57 +0000": 0, "23:59:57.12 +0000": 0} {
		text := "8 " + front + moment + back
		want.Mtime, want.State = time.Unix(-3, nanos), "65025:77 81a4 9663676416 -3"+back
		if got, err := ParseStat(text); err != nil || *got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, line := range []string{
		"", "x", "1:2 81a4 1 0 0 1 0:0 1 d t z", "8 1 81a4 1 0 0 1 0:0 1 d t z", "8 1:2 zz 1 0 0 1 0:0 1 d t z", "8 1:2 81a4 x 0 0 1 0:0 1 d t z",
		"8 1:2 81a4 1 -1 0 1 0:0 1 d t z", "8 1:2 81a4 1 0 4294967296 1 0:0 1 d t z", "8 1:2 81a4 1 0 0 x 0:0 1 d t z",
		"8 1:2 81a4 1 0 0 1 0 1 d t z", "8 1:2 81a4 1 0 0 1 0:0 now d t z", "8 1:2 81a4 1 0 0 1 0:0 1 d 1.00000000x z",
		"8 1:2 1ffffffff 1 0 0 1 0:0 1 d t z", "x 1:2 81a4 1 0 0 1 0:0 1 d t z", "8 1:2 81a4 -1 0 0 1 0:0 1 d t z", "-8 1:2 81a4 1 0 0 1 0:0 1 d t z",
	} {
		if got, err := ParseStat(line); err == nil {
			t.Errorf("%q passed for %+v", line, got)
		}
	}
}

func TestFileMode(t *testing.T) {
	for raw, want := range map[uint32]fs.FileMode{
		0o100644: 0o644, 0o040755: fs.ModeDir | 0o755, 0o120777: fs.ModeSymlink | 0o777, 0o010600: fs.ModeNamedPipe | 0o600,
		0o140000: fs.ModeSocket, 0o060660: fs.ModeDevice | 0o660, 0o020620: fs.ModeDevice | fs.ModeCharDevice | 0o620,
		0o104755: fs.ModeSetuid | 0o755, 0o102755: fs.ModeSetgid | 0o755, 0o041777: fs.ModeDir | fs.ModeSticky | 0o777,
		0: fs.ModeIrregular, 0o170000: fs.ModeIrregular,
	} {
		if got := (&Stat{Mode: raw}).FileMode(); got != want {
			t.Errorf("%o: got %v, want %v", raw, got, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("8 65025:77 81a4 9663676416 1000660000 4294967294 2 12:34 -3 1969-12-31 23:59:57.123456789 +0000 2023-11-14 22:13:20.5 +0000")
	f.Add("8 1:2 81a4 -1 0 0 1 0:0 1 d t z")
	f.Add("-")
	f.Fuzz(func(t *testing.T, line string) {
		stat, err := ParseStat(line)
		if (stat == nil) != (err != nil) || err == nil && stat.Size < 0 {
			t.Fatalf("%v, %v", stat, err)
		}
	})
}

func TestErrorsAreTyped(t *testing.T) {
	for code := range 1000 {
		if (CodeError(code) == nil) != (code == 0) {
			t.Errorf("code %d: %v", code, CodeError(code))
		}
	}
}
