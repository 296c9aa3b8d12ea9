// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"bytes"

	"github.com/rogpeppe/go-internal/diff"
)

// Text is the unified diff of two texts, with three lines of context. It takes n log n, whatever the texts are.
func Text(nameA string, a []byte, nameB string, b []byte) []byte {
	text := diff.Diff(nameA, a, nameB, b)
	// Its first line is the command that would make it.
	_, text, _ = bytes.Cut(text, []byte("\n"))
	return text
}

// Binary reports whether data is binary, like git: by a NUL near the beginning.
func Binary(data []byte) bool { return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 }
