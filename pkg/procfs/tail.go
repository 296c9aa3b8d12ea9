// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"io"
	"strconv"
)

// TailOptions say how much of a file's end Tail gives.
type TailOptions struct {
	// Lines is how many of the last lines come first.
	Lines int
	// Follow goes on with what is appended, until ctx is done. The file is the one that was opened, whatever its name
	// comes to mean.
	Follow bool
}

// Tail is Show of a regular file's end. A directory is ErrIsDirectory.
func Tail(ctx context.Context, r Runner, w Where, opts TailOptions, open func(Found) (io.Writer, error)) (Found, error) {
	return tailIn(ctx, r, procDir, w, opts, open)
}

func tailIn(ctx context.Context, r Runner, proc string, w Where, opts TailOptions, open func(Found) (io.Writer, error)) (Found, error) {
	q := w.query(verbTail)
	q.more = strconv.Itoa(max(opts.Lines, 0))
	if opts.Follow {
		q.options = append(q.options, optionFollow)
	}
	found, _, err := q.copy(ctx, r, proc, w, open)
	return found, err
}
