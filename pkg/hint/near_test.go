// SPDX-License-Identifier: Apache-2.0

package hint_test

import (
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

func TestNear(t *testing.T) {
	for typed, near := range map[string]map[string]bool{
		"pss":   {"ps": true, "ss": true, "fs": false, "cp": false},
		"cat":   {"cp": false, "clean": false},
		"top":   {"top": true, "cp": false},
		"debgu": {"debug": true, "env": false},
		"":      {"ps": false},
	} {
		for name, want := range near {
			if got := hint.Near(typed, name); got != want {
				t.Errorf("%q and %q: %v", typed, name, got)
			}
		}
	}
}
