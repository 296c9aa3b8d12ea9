// SPDX-License-Identifier: Apache-2.0

package files

import (
	"testing"
)

func TestRemoteEnd(t *testing.T) {
	for _, c := range []struct {
		arg, system, pod, path string
	}{
		{"web:/etc", "linux", "web", "/etc"},
		{"ns/web:8:/etc", "linux", "ns/web", "8:/etc"},
		{"a:b", "linux", "a", "b"},
		{"./a:b", "linux", "", ""},
		{"/a:b", "linux", "", ""},
		{"plain", "linux", "", ""},
		{`C:\x`, "linux", "", ""},
		{"c:/x", "windows", "", ""},
		{"web:/x", "windows", "web", "/x"},
		{`a\b:/x`, "windows", "", ""},
	} {
		if pod, path, ok := RemoteEnd(c.arg, c.system); pod != c.pod || path != c.path || ok != (c.pod != "") {
			t.Errorf("%q on %s: %q, %q, %v", c.arg, c.system, pod, path, ok)
		}
	}
}
