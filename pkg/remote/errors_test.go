// SPDX-License-Identifier: Apache-2.0

package remote

import "testing"

func TestErrorsAreTyped(t *testing.T) {
	for code := range 1000 {
		if (CodeError(code) == nil) != (code == 0) {
			t.Errorf("code %d: %v", code, CodeError(code))
		}
	}
}
