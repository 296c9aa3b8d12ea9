// SPDX-License-Identifier: Apache-2.0

package files

import "testing"

func TestPathsThatAShellActsOnAreNotAdvised(t *testing.T) {
	for path, want := range map[string]bool{
		"/etc/nginx/nginx.conf": true, "/data/a-b_c+d@e:f=g,h": true,
		"/a b": false, "/'; id; '": false, "/$(id)": false, "/`id`": false, "/a\nb": false, "/a\x1b[2J": false, "/~": false, "/ü": false, "/a|b": false, `/a\b`: false,
	} {
		if got := Pastable(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
