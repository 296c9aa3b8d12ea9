// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestOldGoMakesNoRelease(t *testing.T) {
	const mod = "module x\n\ngo 1.26.0\n\ntoolchain go1.26.10\n"
	for have, ok := range map[string]bool{"go1.26.8": false, "go1.26.10": true, "go1.26.11": true, "go1.27rc1": true, "go1.9": false, "": false} {
		if err := newEnough(have, mod); (err == nil) != ok {
			t.Errorf("%s: %v", have, err)
		}
	}
	if newEnough("go1.27.0", "module x\ngo 1.26.0\n") == nil {
		t.Error("a go.mod without a toolchain is taken")
	}
}
