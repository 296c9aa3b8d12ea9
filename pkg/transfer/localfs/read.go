// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"context"
	"crypto/sha1" //nolint:gosec // it detects damage in transit, not forgery
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// bufferSize is how much is read at a time.
const bufferSize = 128 << 10

// files reads what is below a directory of this machine.
type files struct {
	open func() (*os.Root, error)
	disk func(string) string
	top  string // the name of "."
}

// A walk opens directories below a root, and keeps the last one open: to find it again takes longer than a small file.
type walk struct {
	*files
	root, at *os.Root
	dir      string
}

func (f *files) walk() (*walk, error) {
	root, err := f.open()
	return &walk{files: f, root: root}, transfer.Plain(err)
}

func (w *walk) close() {
	if w.at != nil {
		_ = w.at.Close()
	}
	_ = w.root.Close()
}

// named is the name by which the disk knows what a copy calls something.
func (f *files) named(name string) string { return f.disk(path.Join(f.top, name)) }

// in is the directory that a path is in, and its name there.
func (w *walk) in(name string) (*os.Root, string, error) {
	full := path.Join(w.top, name)
	dir := path.Dir(full)
	if w.at == nil || w.dir != dir {
		at, err := w.root.OpenRoot(w.disk(dir))
		if err != nil {
			return nil, "", transfer.Plain(err)
		}
		if w.at != nil {
			_ = w.at.Close()
		}
		w.at, w.dir = at, dir
	}
	return w.at, w.disk(path.Base(full)), nil
}

// regular opens a regular file, and nothing that might block.
func (w *walk) regular(name string, flag int) (*os.File, fs.FileInfo, error) {
	root, base, err := w.in(name)
	if err != nil {
		return nil, nil, err
	}
	before, err := root.Lstat(base)
	if err != nil {
		return nil, nil, transfer.Plain(err)
	}
	if !before.Mode().IsRegular() {
		return nil, nil, transfer.ErrKind
	}
	file, err := root.OpenFile(base, flag|nonblock, 0)
	if err != nil {
		return nil, nil, transfer.Plain(err)
	}
	now, err := file.Stat()
	if err != nil || !os.SameFile(now, before) {
		_ = file.Close()
		return nil, nil, errors.Join(err, transfer.ErrChanged)
	}
	return file, now, nil
}

// List goes through no link.
func (f *files) List(ctx context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		w, err := f.walk()
		if err != nil {
			yield(transfer.File{}, err)
			return
		}
		defer w.close()
		root, base, err := w.in(".")
		if err == nil {
			_, err = list(ctx, root, base, ".", yield)
		}
		if err != nil {
			yield(transfer.File{}, err)
		}
	}
}

// list yields a file, called name, and all that is in it; more is false once nobody wants that.
func list(ctx context.Context, root *os.Root, base, name string, yield func(transfer.File, error) bool) (more bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	info, err := root.Lstat(base)
	if err != nil {
		if name == "." {
			return false, transfer.Plain(err)
		}
		return yield(transfer.File{Path: name, Err: transfer.Plain(err)}, nil), nil
	}
	f := describeFile(info)
	f.Path = name
	if f.Mode&fs.ModeSymlink != 0 {
		f.Target, err = root.Readlink(base)
		f.Target, f.Err = filepath.ToSlash(f.Target), transfer.Plain(err)
	}
	if !f.Mode.IsDir() {
		return yield(f, nil), nil
	}
	dir, err := root.OpenRoot(base)
	if err != nil {
		f.Err = transfer.Plain(err)
		return yield(f, nil), nil
	}
	defer func() { _ = dir.Close() }()
	names, err := readNames(dir)
	f.Err = transfer.Plain(err)
	if more := yield(f, nil); !more || err != nil {
		return more, nil
	}
	for _, entry := range names {
		if more, err := list(ctx, dir, entry, path.Join(name, entry), yield); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

func readNames(dir *os.Root) ([]string, error) {
	file, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return file.Readdirnames(-1)
}

// Sum reads files.
func (f *files) Sum(ctx context.Context, parts []transfer.Part) ([]transfer.Sum, error) {
	w, err := f.walk()
	if err != nil {
		return nil, err
	}
	defer w.close()
	sums, buffer := make([]transfer.Sum, len(parts)), make([]byte, bufferSize)
	for i, part := range parts {
		file, _, err := w.regular(part.Path, os.O_RDONLY)
		if err != nil {
			sums[i].Err = err
			continue
		}
		h := sha1.New() //nolint:gosec // it detects damage in transit, not forgery
		from := io.Reader(contextReader{ctx, file})
		if part.From >= 0 {
			from = io.LimitReader(from, part.From)
		}
		sums[i].N, err = io.CopyBuffer(h, from, buffer)
		sums[i].Err = transfer.Plain(err)
		h.Sum(sums[i].SHA1[:0])
		_ = file.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return sums, nil
}

type contextReader struct {
	ctx context.Context //nolint:containedctx // it ends a read, and lives no longer
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// Read reads files that are what they were when they were listed, and still are that afterwards.
func (f *files) Read(ctx context.Context, parts []transfer.Part, r transfer.Receiver) error {
	w, err := f.walk()
	if err != nil {
		return err
	}
	defer w.close()
	buffer := make([]byte, bufferSize)
	for i, part := range parts {
		own, err := w.read(ctx, i, part, r, buffer)
		if err == nil {
			err = r.Done(i, part.Size, own)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read is about one file: own concerns that alone, err is the end.
func (w *walk) read(ctx context.Context, i int, part transfer.Part, r transfer.Receiver, buffer []byte) (own, err error) {
	file, info, err := w.regular(part.Path, os.O_RDONLY)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, transfer.ErrKind) {
			err = transfer.ErrChanged
		}
		return err, nil
	}
	defer func() { _ = file.Close() }()
	if !part.Is(describeFile(info)) {
		return transfer.ErrChanged, nil
	}
	for at, end := part.From, part.End(); at < part.End(); at, end = end, part.End() {
		if part.HasHoles() {
			at, end = extent(file, at, end)
		}
		if own, err := send(ctx, file, at, end, buffer, func(at int64, p []byte) error { return r.Data(i, at, p) }); own != nil || err != nil {
			return own, err
		}
	}
	now, own := file.Stat()
	if own == nil && !part.Is(describeFile(now)) {
		own = transfer.ErrChanged
	}
	return transfer.Plain(own), nil
}

// send reads a part of a file that is to be there.
func send(ctx context.Context, file *os.File, at, end int64, buffer []byte, to func(int64, []byte) error) (own, err error) {
	for at < end {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, own := file.ReadAt(buffer[:min(int64(len(buffer)), end-at)], at)
		if n > 0 {
			if err := to(at, buffer[:n]); err != nil {
				return nil, err
			}
			at += int64(n)
		}
		if own != nil && at < end {
			if errors.Is(own, io.EOF) {
				own = transfer.ErrChanged
			}
			return transfer.Plain(own), nil
		}
	}
	return nil, nil
}
