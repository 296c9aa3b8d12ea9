// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Stream is transfer's: of a descriptor whose file has no name any more it gives a Tree with that file. All else that is open has
// a name, or nothing to copy, and is a link of the kernel's.
func (t tree) Stream(ctx context.Context, name string, write bool) (transfer.Tree, error) {
	if write || !ofDescriptor(path.Clean(name)) {
		return nil, nil
	}
	info, err := rootfs.StatBy(ctx, t.root, name, "1")
	if err != nil || !info.FileMode().IsRegular() || info.Nlink > 0 {
		return nil, nil //nolint:nilerr // the copy finds the same, and says it
	}
	return &deletedFile{tree: t, name: path.Clean(name)}, nil
}

// ofDescriptor reports whether a path may be /proc/PID/fd/N, or that of a task.
func ofDescriptor(name string) bool {
	rest, ok := strings.CutPrefix(name, "/proc/")
	directory, number := path.Split(rest)
	_, err := strconv.ParseUint(number, 10, 31)
	return ok && err == nil && strings.HasSuffix(directory, "/fd/")
}

// A deletedFile is a tree of one file, by the descriptor of a process that has it open.
type deletedFile struct {
	tree
	name string
}

// Stat describes the file, with its name as a path.
func (d *deletedFile) Stat(ctx context.Context, name string, _ bool) (transfer.File, error) {
	info, err := rootfs.StatBy(ctx, d.root, name, "1")
	switch {
	case err != nil:
		return transfer.File{}, translated(err)
	case !info.FileMode().IsRegular():
		return transfer.File{}, &fs.PathError{Op: "open", Path: name, Err: transfer.ErrChanged}
	}
	return fileOf(d.root, d.name, "", info.Stat), nil
}

// Open reads it: the descriptor is followed each time, and has to lead to the same file.
func (d *deletedFile) Open(_ context.Context, start string) (transfer.Reader, error) {
	return &deletedReader{reader{Place: &rootfs.Place{Root: d.root, Start: start}, packings: d.packings}, d}, nil
}

type deletedReader struct {
	reader
	file *deletedFile
}

// List gives the one file.
func (r *deletedReader) List(ctx context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		f, err := r.file.Stat(ctx, r.Start, true)
		f.Path = "."
		yield(f, err)
	}
}
