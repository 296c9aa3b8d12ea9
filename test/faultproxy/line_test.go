// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// Everything comes through a slow line, no sooner than its rate and its delay allow.
func TestSlowLine(t *testing.T) {
	line := Line{Rate: 4 << 20, Delay: 50 * time.Millisecond}
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	began := time.Now()
	got, err := io.ReadAll(line.shaped(bytes.NewReader(want)))
	if took := time.Since(began); err != nil || !bytes.Equal(got, want) || took < 250*time.Millisecond {
		t.Errorf("%d bytes of %d after %s, %v", len(got), len(want), took, err)
	}
}
