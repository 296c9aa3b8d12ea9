// SPDX-License-Identifier: Apache-2.0

//go:build linux

package edit

import (
	"testing"
)

func TestBecoming(t *testing.T) {
	for command, want := range map[string]string{
		"vi": "exec vi", `emacsclient -a ""`: `exec emacsclient -a ""`, "sed -i s/a=b/c/": "exec sed -i s/a=b/c/", "TERM=vt100 vi": "TERM=vt100 vi", "cp x y; vi": "cp x y; vi",
		`sh -c 'a; b'`: `exec sh -c 'a; b'`, `vi "a;b" && x`: `vi "a;b" && x`,
	} {
		if got := execPrefix(command); got != want {
			t.Errorf("%q: %q", command, got)
		}
	}
}
