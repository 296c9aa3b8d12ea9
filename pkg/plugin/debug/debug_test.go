// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"testing"
)

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"nginx": "nginx", "--a=b/c.d": "--a=b/c.d", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "*": "'*'", "a\nb": "'a\nb'",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
