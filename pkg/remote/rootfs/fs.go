// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// FS is the root as an fs.FS with ReadDir, ReadFile, Stat, Lstat and ReadLink, for small questions: each is one request. Links are
// followed inside the root. A file is read whole when it is read first, up to 64 MiB; Read streams.
func FS(ctx context.Context, r *Root) fs.ReadLinkFS { return rootFS{ctx, r} }

// maxWholeFile is how many bytes of a file FS holds.
const maxWholeFile = 64 << 20

// errLarge says that a file is longer than that.
var errLarge = errors.New("too large to read at once")

type rootFS struct {
	ctx  context.Context //nolint:containedctx // fs.FS has no place for it
	root *Root
}

// absolute is a path from the root, if it is one that an fs.FS takes.
func absolute(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join("/", name), nil
}

// named gives an error the name that was asked for.
func named(op, name string, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		return &fs.PathError{Op: op, Path: name, Err: cause.Err}
	}
	return err
}

func (f rootFS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	file, err := absolute(op, name)
	if err != nil {
		return nil, err
	}
	info, err := f.root.Stat(f.ctx, file, follow)
	if err != nil {
		return nil, named(op, name, err)
	}
	return fileInfo{path.Base(name), info.Stat}, nil
}

// Stat follows links.
func (f rootFS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name, true) }

// Lstat does not follow a link in last place.
func (f rootFS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

// ReadLink gives what is written in a link.
func (f rootFS) ReadLink(name string) (string, error) {
	info, err := f.stat("readlink", name, false)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	s, _ := info.Sys().(*remote.Stat)
	return s.LinkTarget, nil
}

// ReadDir lists a directory, sorted by name.
func (f rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	file, err := absolute("readdir", name)
	if err != nil {
		return nil, err
	}
	_, found, err := f.root.ReadDir(f.ctx, file)
	entries := make([]fs.DirEntry, len(found))
	for i, e := range found {
		entries[i] = e
	}
	return entries, named("readdir", name, err)
}

// ReadFile gives a regular file's bytes.
func (f rootFS) ReadFile(name string) ([]byte, error) {
	file, err := absolute("open", name)
	if err != nil {
		return nil, err
	}
	var b limitedBuffer
	_, err = f.root.Read(f.ctx, file, func(Info) (io.Writer, error) { return &b, nil })
	return b.Bytes(), named("open", name, err)
}

type limitedBuffer struct{ bytes.Buffer }

// Write takes no more than FS holds.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxWholeFile {
		return 0, errLarge
	}
	return b.Buffer.Write(p)
}

// Open opens a directory or a regular file.
func (f rootFS) Open(name string) (fs.File, error) {
	info, err := f.stat("open", name, true)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: remote.ErrSpecial}
	}
	return &file{fs: f, name: name, info: info}, nil
}

// A file is what Open gives: its contents come when they are asked for.
type file struct {
	fs      rootFS
	name    string
	info    fs.FileInfo
	text    *bytes.Reader
	entries []fs.DirEntry
	listed  bool
}

// Stat is what Open found.
func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close has nothing to end.
func (f *file) Close() error { return nil }

// Read reads the whole file the first time.
func (f *file) Read(p []byte) (int, error) {
	if f.info.IsDir() {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: remote.ErrIsDirectory}
	}
	if f.text == nil {
		data, err := f.fs.ReadFile(f.name)
		if err != nil {
			return 0, err
		}
		f.text = bytes.NewReader(data)
	}
	return f.text.Read(p)
}

// ReadDir gives the next n entries, or all that are left.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if !f.listed {
		var err error
		if f.entries, err = f.fs.ReadDir(f.name); err != nil {
			return nil, err
		}
		f.listed = true
	}
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	next := f.entries[:n]
	f.entries = f.entries[n:]
	return next, nil
}
