// SPDX-License-Identifier: Apache-2.0

package files

import (
	"testing"
)

func TestInPod(t *testing.T) {
	for _, c := range []struct {
		arg, system string
		want        bool
	}{
		{"web:/etc", "linux", true},
		{"ns/web:8:/etc", "linux", true},
		{"a:b", "linux", true},
		{"./a:b", "linux", false},
		{"/a:b", "linux", false},
		{"plain", "linux", false},
		{`C:\x`, "linux", false},
		{"c:/x", "windows", false},
		{"web:/x", "windows", true},
		{`a\b:/x`, "windows", false},
	} {
		if got := InPod(c.arg, c.system); got != c.want {
			t.Errorf("%q on %s: %v", c.arg, c.system, got)
		}
	}
}
