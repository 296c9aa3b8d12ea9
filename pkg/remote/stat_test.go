// SPDX-License-Identifier: Apache-2.0

package remote

import (
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
