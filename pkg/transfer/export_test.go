// SPDX-License-Identifier: Apache-2.0

package transfer

import "io"

// StreamPiece is how much one stream brings at a time.
const StreamPiece = streamPart

// Limited is an archive that keeps no more than so much on this machine.
func Limited(w io.Writer, path string, limit int64) Tree {
	a := NewArchive(w, false, path).(*archive)
	a.limit = limit
	return a
}

// TotalOf is how many bytes a copy of files says that it moves.
func TotalOf(files map[string]File) int64 {
	var all []*item
	seen := map[string]*item{}
	for _, f := range files {
		it := &item{File: f}
		if f.Inode != "" {
			if it.first = seen[f.Inode]; it.first == nil {
				seen[f.Inode] = it
			}
		}
		all = append(all, it)
	}
	return total(all)
}
