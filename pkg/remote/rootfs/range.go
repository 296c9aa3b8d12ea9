// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"crypto/sha1" //nolint:gosec // a sequence has one
	"errors"
	"io"
	"io/fs"
	"strconv"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// ReadRange writes the bytes of a regular file that was looked at from one offset to another, or to its end where that comes
// first. Where it is another file by now, or was changed otherwise than by growing, the error is ErrChanged. An error of the
// writer is returned as it is.
func (r *Root) ReadRange(ctx context.Context, file Info, from, to int64, w io.Writer) error {
	to = min(to, file.Size)
	out := &sequence{out: w, at: from, sum: sha1.New()} //nolint:gosec // nobody asks for it
	q := remote.Request{Verb: "read", Args: []string{file.Path, "", "", strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)}, Reads: true}
	changed := &fs.PathError{Op: "open", Path: file.Path, Err: remote.ErrChanged}
	err := readPart(ctx, r, "open", q, func(now Info) error {
		if now.Path != file.Path || !now.Same(file.Stat) && !now.GrewFrom(file.State, file.Size) {
			return changed
		}
		return nil
	}, out.data)
	if errors.Is(err, remote.ErrChanged) && out.at >= to && err != changed { //nolint:errorlint // as it was given
		if now, look := r.Stat(ctx, file.Path, false); look == nil && now.GrewFrom(file.State, file.Size) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return out.zeros(to)
}
