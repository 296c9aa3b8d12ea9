// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"bytes"
	"testing"
)

// What one side says waits until the other has said all.
func TestHeldOutput(t *testing.T) {
	var out bytes.Buffer
	h := &bufferedOutput{out: &out}
	for i, text := range []string{"b1 ", "b2 ", "b3"} {
		if i == 1 {
			out.WriteString("a1 ")
			h.open()
		}
		if _, err := h.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "a1 b1 b2 b3" {
		t.Errorf("got %q", out.String())
	}
}
