// SPDX-License-Identifier: Apache-2.0

package place

import "testing"

// A drive of Windows is as high as one gets there.
func TestNothingIsAboveTheTop(t *testing.T) {
	for dir, want := range map[string]bool{"/": true, "C:": true, "/etc": false, "C:/Users": false} {
		if Topmost(dir) != want {
			t.Errorf("%q: %v", dir, !want)
		}
	}
}
