// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// ErrTooLarge says that a file is longer than whoever reads it wants.
var ErrTooLarge = errors.New("too large")

// Files are a file of this machine, or a directory with all that is below it. Names are relative, with slashes; "." is
// the start. A link at the start is followed, others are not.
type Files struct {
	root *os.Root
	base string // of a file
}

// OpenFiles opens what is at a path. Close it.
func OpenFiles(name string) (*Files, error) {
	full, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(full)
	if err != nil {
		return nil, err
	}
	f := &Files{}
	if !info.IsDir() {
		full, f.base = filepath.Split(full)
	}
	f.root, err = os.OpenRoot(filepath.Clean(full))
	return f, err
}

// Close ends it.
func (f *Files) Close() error { return f.root.Close() }

func (f *Files) local(name string) string {
	if name == "." && f.base != "" {
		return f.base
	}
	return filepath.FromSlash(name)
}

// Walk calls fn for the start and all that is below it, with what is written in a link. What can't be read is in the
// *procfs.TreeError at the end; an error of ctx ends it.
func (f *Files) Walk(ctx context.Context, fn func(name string, info fs.FileInfo, target string)) error {
	failed := &procfs.TreeError{}
	if err := f.walk(ctx, ".", failed, fn); err != nil {
		return err
	}
	if failed.Count > 0 {
		return failed
	}
	return nil
}

// failuresKept bounds what a TreeError holds.
const failuresKept = 100

func fail(to *procfs.TreeError, op, name string, err error) {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	if to.Count++; len(to.Failures) < failuresKept {
		to.Failures = append(to.Failures, &fs.PathError{Op: op, Path: name, Err: err})
	}
}

func (f *Files) walk(ctx context.Context, name string, failed *procfs.TreeError, fn func(string, fs.FileInfo, string)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	info, err := f.root.Lstat(f.local(name))
	if err != nil {
		fail(failed, "lstat", name, err)
		return nil
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = f.root.Readlink(f.local(name)); err != nil {
			fail(failed, "readlink", name, err)
		}
	}
	fn(name, info, filepath.ToSlash(target))
	if !info.IsDir() {
		return nil
	}
	dir, err := f.root.Open(f.local(name))
	if err != nil {
		fail(failed, "open", name, err)
		return nil
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	if err != nil {
		fail(failed, "open", name, err)
	}
	for _, base := range names {
		if err := f.walk(ctx, path.Join(name, base), failed, fn); err != nil {
			return err
		}
	}
	return nil
}

// open opens a regular file, and nothing that might block.
func (f *Files) open(name string) (*os.File, error) {
	before, err := f.root.Lstat(f.local(name))
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: %w", name, procfs.ErrSpecial)
	}
	file, err := f.root.Open(f.local(name))
	if err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(now, before) {
		_ = file.Close()
		return nil, fmt.Errorf("open %s: %w", name, errChanged)
	}
	return file, nil
}

// Sum is the SHA-256 of a regular file.
func (f *Files) Sum(ctx context.Context, name string) (sum [32]byte, err error) {
	file, err := f.open(name)
	if err != nil {
		return sum, err
	}
	defer func() { _ = file.Close() }()
	defer context.AfterFunc(ctx, func() { _ = file.Close() })()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// Read gives a regular file's bytes, ErrTooLarge where there are more than limit.
func (f *Files) Read(name string, limit int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}

// Owner is who owns a file, where this system has owners by number.
func Owner(info fs.FileInfo) (uid, gid uint32, ok bool) {
	id, ok := identify(info)
	return id.uid, id.gid, ok
}
