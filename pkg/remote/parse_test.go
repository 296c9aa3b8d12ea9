// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"encoding/hex"
	"errors"
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

func FuzzParseNames(f *testing.F) {
	f.Add("root:x:0:0::/:/bin/sh\nnobody:x:65534:\n")
	f.Add("a:b:4294967296\n:x:1\n#c:x:2\r\n+::::\nx:0")
	f.Fuzz(func(t *testing.T, text string) {
		for number, name := range parseNames(text) {
			if name == "" || strings.ContainsAny(name, ":\n") || !strings.Contains(text, name+":") {
				t.Fatalf("%d: %q of %q", number, name, text)
			}
		}
	})
}

// procStat is a line of /proc/PID/stat.
const procStat = "8 (%s) S 1 8 8 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 4 0 12345 1000 200 18446744073709551615\n"

func TestParseProcStat(t *testing.T) {
	for _, name := range []string{"nginx", "a) R 1 (", "\n", "", ")", "(", "tab\t", "8 (x) S 1 2"} {
		var p Process
		err := parseProcStat(&p, fmt.Sprintf(procStat, name))
		if err != nil || p.Name != name || p.State != "S" || p.PPID != 1 || p.Threads != 4 || p.StartTicks != 12345 {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, text := range []string{"", "8", ")(", "8 (x) S 1", "8 (x" + strings.Repeat(" 1", 30), strings.Replace(procStat, "12345", "x", 1)} {
		if err := parseProcStat(&Process{}, text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

func FuzzParseProcStat(f *testing.F) {
	f.Add(fmt.Sprintf(procStat, "nginx"))
	f.Add(fmt.Sprintf(procStat, ") ("))
	f.Add("8 (x) S")
	f.Fuzz(func(t *testing.T, text string) {
		p := Process{PID: 8}
		if err := parseProcStat(&p, text); err == nil && (p.State == "" || !strings.Contains(text, "("+p.Name+")")) {
			t.Fatalf("%+v of %q", p, text)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add("Name:\tnginx\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\nVmRSS:\t  12 kB\nSigCgt:\t0000000180014a07\n")
	f.Add("Name:\ta\\nb\\\\\nUid:\t-1\t0")
	f.Add("Uid:\t4294967295\t4294967296\nVmRSS:\t99999999999999999999 kB\nName:\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := Process{PID: 8}
		if err := parseStatus(&p, text); err == nil && strings.Count(p.Name, "\n") > strings.Count(text, `\n`) {
			t.Fatalf("%+v of %q", p, text)
		}
	})
}

// What the kernel escapes in a name comes back as it was.
func FuzzUnescapeName(f *testing.F) {
	for _, seed := range []string{"nginx", "a\nb", `\n`, `\\`, "\\\n\\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(name)
		if got := unescapeName(escaped); got != name {
			t.Fatalf("%q came back as %q", name, got)
		}
	})
}

func FuzzParseArgs(f *testing.F) {
	f.Add(" 6e 67 00\n 41 00\n")
	f.Add("")
	f.Add("6")
	f.Add("00 00")
	f.Fuzz(func(t *testing.T, dump string) {
		args, err := parseArgs(dump)
		if err != nil {
			return
		}
		raw, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(args, "\x00"); got != strings.TrimRight(string(raw), "\x00") || len(args) > 0 && args[len(args)-1] == "" {
			t.Fatalf("%q of %q", args, raw)
		}
	})
}

// FuzzReadTable is about the whole answer of verb_ps.
func FuzzReadTable(f *testing.F) {
	stat := "8/stat:" + fmt.Sprintf(procStat, "x\n8/stat:y")
	f.Add([]byte("btime 1700000000\n\x0099\x008/status:Name:\tx\n\x00" + stat + "8/cgroup:0::/\n\x008 8 6e 00\n\x009 -\x00\x008\x00root:x:0:\n\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x00"))
	f.Add([]byte("btime 1\x001\x00\x00\x001 1 zz\x00\x00"))
	f.Add([]byte("btime 1\x001\x001/status\x001/stat:\n\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var table table
		if err := table.read(answerReader(answer)); err != nil {
			return
		}
		processes := table.processes()
		for i, p := range processes {
			if p.State == "" || p.Args == nil || i > 0 && processes[i-1].PID >= p.PID {
				t.Fatalf("%+v of %q", p, answer)
			}
		}
	})
}

func TestErrorsAreTyped(t *testing.T) {
	err := error(&AccessError{PID: 8, Name: "x\x1b"})
	if !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q", err)
	}
	for code := range 1000 {
		if (CodeError(code) == nil) != (code == 0) {
			t.Errorf("code %d: %v", code, CodeError(code))
		}
	}
}
