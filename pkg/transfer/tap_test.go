// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"testing"
)

// A reader may send what a file grew by in any number of pieces: none of it goes out, nor zeros in its place.
func TestStreamTakesNothingBehindTheEnd(t *testing.T) {
	for _, grows := range []bool{false, true} {
		var b bytes.Buffer
		it := &item{File: File{Path: "log", Size: 6}, grows: grows}
		out := Output(&b, nil).(*stream).out
		taps := &tap{Receiver: out, copier: &copier{}, batch: []*item{it}, index: []int{0}, errs: make([]error, 1), ended: make([]bool, 1)}
		taps.Progress = func(int64) {}
		for offset, text := range []string{"begin", "ning", "more", "and more"} {
			if err := taps.Data(0, int64(offset*5), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if b.String() != "beginn" {
			t.Errorf("grows %v: %q came", grows, &b)
		}
		if err := taps.errs[0]; (err == nil) != grows {
			t.Errorf("grows %v: %v", grows, err)
		}
	}
}
