// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/sha1" //nolint:gosec // see stream.go
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

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
	return &walk{files: f, root: root}, plain(err)
}

func (w *walk) close() {
	if w.at != nil {
		_ = w.at.Close()
	}
	_ = w.root.Close()
}

// in is the directory that a path is in, and its name there.
func (w *walk) in(path string) (*os.Root, string, error) {
	dir, base := split(join(w.top, path))
	if w.at == nil || w.dir != dir {
		at, err := w.root.OpenRoot(w.disk(dir))
		if err != nil {
			return nil, "", plain(err)
		}
		if w.at != nil {
			_ = w.at.Close()
		}
		w.at, w.dir = at, dir
	}
	return w.at, w.disk(base), nil
}

// regular opens a regular file, and nothing that might block.
func (w *walk) regular(path string, flag int) (*os.File, fs.FileInfo, error) {
	root, base, err := w.in(path)
	if err != nil {
		return nil, nil, err
	}
	before, err := root.Lstat(base)
	if err != nil {
		return nil, nil, plain(err)
	}
	if !before.Mode().IsRegular() {
		return nil, nil, ErrKind
	}
	file, err := root.OpenFile(base, flag|nonblock, 0)
	if err != nil {
		return nil, nil, plain(err)
	}
	now, err := file.Stat()
	if err != nil || !os.SameFile(now, before) {
		_ = file.Close()
		return nil, nil, errors.Join(err, ErrChanged)
	}
	return file, now, nil
}

// List goes through no link.
func (f *files) List(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		w, err := f.walk()
		if err != nil {
			yield(File{}, err)
			return
		}
		defer w.close()
		root, base, err := w.in(".")
		if err == nil {
			_, err = list(ctx, root, base, ".", yield)
		}
		if err != nil {
			yield(File{}, err)
		}
	}
}

// list yields a name and all that is in it; more is false once nobody wants that.
func list(ctx context.Context, root *os.Root, base, path string, yield func(File, error) bool) (more bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	info, err := root.Lstat(base)
	if err != nil {
		if path == "." {
			return false, plain(err)
		}
		return yield(File{Path: path, Err: plain(err)}, nil), nil
	}
	f := describeFile(info)
	f.Path = path
	if f.Mode&fs.ModeSymlink != 0 {
		f.Target, err = root.Readlink(base)
		f.Target, f.Err = filepath.ToSlash(f.Target), plain(err)
	}
	if !f.Mode.IsDir() {
		return yield(f, nil), nil
	}
	dir, err := root.OpenRoot(base)
	if err != nil {
		f.Err = plain(err)
		return yield(f, nil), nil
	}
	defer func() { _ = dir.Close() }()
	names, err := readNames(dir)
	f.Err = plain(err)
	if more := yield(f, nil); !more || err != nil {
		return more, nil
	}
	for _, name := range names {
		if more, err := list(ctx, dir, name, join(path, name), yield); !more || err != nil {
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
func (f *files) Sum(ctx context.Context, parts []Part) ([]Sum, error) {
	w, err := f.walk()
	if err != nil {
		return nil, err
	}
	defer w.close()
	sums, buffer := make([]Sum, len(parts)), make([]byte, bufferSize)
	for i, part := range parts {
		file, _, err := w.regular(part.Path, os.O_RDONLY)
		if err != nil {
			sums[i].Err = err
			continue
		}
		h := sha1.New() //nolint:gosec // see stream.go
		from := io.Reader(contextReader{ctx, file})
		if part.From >= 0 {
			from = io.LimitReader(from, part.From)
		}
		sums[i].N, err = io.CopyBuffer(h, from, buffer)
		sums[i].Err = plain(err)
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
func (f *files) Read(ctx context.Context, parts []Part, r Receiver) error {
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
func (w *walk) read(ctx context.Context, i int, part Part, r Receiver, buffer []byte) (own, err error) {
	file, info, err := w.regular(part.Path, os.O_RDONLY)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrKind) {
			err = ErrChanged
		}
		return err, nil
	}
	defer func() { _ = file.Close() }()
	if !part.is(describeFile(info)) {
		return ErrChanged, nil
	}
	for at, end := part.From, part.end(); at < part.end(); at, end = end, part.end() {
		if part.holes() {
			at, end = extent(file, at, end)
		}
		if own, err := send(ctx, file, at, end, buffer, func(at int64, p []byte) error { return r.Data(i, at, p) }); own != nil || err != nil {
			return own, err
		}
	}
	now, own := file.Stat()
	if own == nil && !part.is(describeFile(now)) {
		own = ErrChanged
	}
	return plain(own), nil
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
				own = ErrChanged
			}
			return plain(own), nil
		}
	}
	return nil, nil
}
