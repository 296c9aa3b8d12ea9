// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// A file that grows while it is copied is copied as it was at a time, which is said; less never replaces more, and what changed
// besides is not copied.
func TestFileThatGrows(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		for name, c := range map[string]struct {
			first byte // what it begins with, once it has grown
			there int  // the size of what has its place
			want  string
			err   error
		}{
			"new": {'x', 0, "4 more", nil}, "shorter": {'x', 10, "4 more", nil}, "longer": {'x', size + 1000, "old", ErrLess}, "other": {'y', 10, "old", ErrChanged},
		} {
			t.Run(name+itoa(size), func(t *testing.T) {
				dir := t.TempDir()
				t.Chdir(dir)
				old := strings.Repeat("o", c.there)
				plant(t, dir, map[string]string{"source/log": strings.Repeat("x", size), "source/a": "A", "dest/log": old})
				if c.there == 0 {
					check(t, os.Remove("dest/log"))
				}
				times, begun := 0, true
				heard := reports{}
				report, err := Copy(t.Context(), Local(), Local(), Options{Source: "source/.", Dest: "dest", Report: heard.add, Progress: func(n int64) {
					begun = begun || n < 0
					if n < 1000 || !begun || times == 2 {
						return
					}
					times++
					begun = false
					f, err := os.OpenFile("source/log", os.O_RDWR, 0)
					check(t, err)
					_, err = f.WriteAt([]byte{c.first}, int64(times))
					check(t, err)
					_, err = f.WriteAt([]byte("more"), int64(size+4*(times-1)))
					check(t, errors.Join(err, f.Close()))
				}})
				check(t, err)
				var grown *GrownError
				want := strings.Repeat("x", size) + "more"
				if c.err != nil {
					want = old
					if !errors.Is(heard["log"], c.err) || report.Grown != 0 {
						t.Errorf("%+v, %v", report, heard)
					}
				} else if !errors.As(heard["log"], &grown) || grown.Size != int64(len(want)) || report.Grown != 1 {
					t.Errorf("%+v, %v", report, heard)
				}
				if report.Failed != 1 {
					t.Errorf("%+v", report)
				}
				same(t, harvest(t, "dest"), map[string]string{"log": want, "a": "A"})
			})
		}
	}
}

// A reader may send what a file grew by in any number of pieces: none of it goes out, nor zeros in its place.
func TestStreamTakesNothingBehindTheEnd(t *testing.T) {
	for _, grows := range []bool{false, true} {
		var b bytes.Buffer
		it := &item{File: File{Path: "log", Size: 6}, grows: grows}
		out := Stdout(&b).(*stream).out
		taps := &tap{Receiver: out, copier: &copier{}, batch: []*item{it}, index: []int{0}, errs: make([]error, 1), ended: make([]bool, 1)}
		taps.Progress = func(int64) {}
		for offset, text := range []string{"begin", "ning", "more", "and more"} {
			check(t, taps.Data(0, int64(offset*5), []byte(text)))
		}
		if b.String() != "beginn" {
			t.Errorf("grows %v: %q came", grows, &b)
		}
		if err := taps.errs[0]; (err == nil) != grows {
			t.Errorf("grows %v: %v", grows, err)
		}
	}
}

// A file of little but holes is left out with its numbers, the rest is copied; into an archive none goes, not even one without a
// block.
func TestFileOfHolesIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	plant(t, dir, map[string]string{"source/a": "A", "source/giant": "x", "source/empty": ""})
	for _, name := range []string{"source/giant", "source/empty"} {
		if err := os.Truncate(name, 1<<40); err != nil {
			t.Skip("this file system has no such files")
		}
	}
	for name, c := range map[string]struct {
		dst  Tree
		dest string
		lost []string
	}{
		"copy":    {Local(), "dest", []string{"giant"}},
		"archive": {NewArchive(io.Discard, false, "dest"), "dest", []string{"giant", "empty"}},
	} {
		heard := reports{}
		report, err := Copy(t.Context(), c.dst, Local(), Options{Source: "source", Dest: c.dest, Report: heard.add})
		if err != nil || report.Failed != len(c.lost) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		for _, file := range c.lost {
			if _, ok := errors.AsType[*SparseError](heard[file]); !ok {
				t.Errorf("%s: %s: %v", name, file, heard[file])
			}
		}
	}
}
