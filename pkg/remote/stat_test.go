// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"io/fs"
	"testing"
	"time"
)

// What changes a file without leaving another size, mode or time of modification behind still shows in its time of change.
func TestSameSeesTheTimeOfChange(t *testing.T) {
	facts := func(changed string) *Stat {
		s, err := ParseStat("8 2049:17 81a4 5 0 0 1 0:0 1700000000 2023-11-14 22:13:20.000000000 +0000 2023-11-14 " + changed + " +0000")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if before := facts("22:13:20.000000001"); !before.Same(facts("22:13:20.000000001")) || before.Same(facts("22:13:20.000000002")) {
		t.Error("two states are the same exactly where all facts are")
	}
}

// A file system counts a file's blocks again when it comes to write them, long after the file was last changed.
func TestSameOverlooksTheNumberOfBlocks(t *testing.T) {
	facts := func(blocks string) *Stat {
		s, err := ParseStat(blocks + " 2049:17 81a4 67108864 0 0 1 0:0 1700000000 2023-11-14 22:13:20.000000000 +0000 2023-11-14 22:13:20.000000000 +0000")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if before, after := facts("131072"), facts("131080"); !before.Same(after) || after.Blocks != 131080 {
		t.Error("the number of blocks tells a file from itself")
	}
}

func TestChangedIsTheTimeOfChange(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2023-11-14 22:13:20.000000002 +0000": time.Unix(1700000000, 2),
		"2023-11-14 22:13:20 +0000":           time.Unix(1700000000, 0),
		"2023-11-14 23:13:20.5 +0100":         time.Unix(1700000000, 500000000),
		"99999-01-01 00:00:00 +0000":          {},
		"never at all":                        {},
	} {
		s, err := ParseStat("8 2049:17 81a4 5 0 0 1 0:0 1700000000 2023-11-14 22:13:20.000000000 +0000 " + text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Changed(); !got.Equal(want) {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := (&Stat{}).Changed(); !got.IsZero() {
		t.Errorf("of nothing: %s", got)
	}
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
