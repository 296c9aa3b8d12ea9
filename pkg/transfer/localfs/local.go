// SPDX-License-Identifier: Apache-2.0

// Package localfs answers "what are this machine's files to a copy?": it is one Tree of pkg/transfer, through os.Root, with the
// rules that each system has for names, owners, times and holes. It does not decide what is copied, or where it goes.
package localfs

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A tree is this machine's file system.
type tree struct {
	system string // whose rules the disk has for names: another one in tests, which takes README and readme for one
}

// Tree is this machine's. Nothing is read or written outside a path that Open or Stage was given, whatever
// links are there. Its paths have slashes, on Windows too.
func Tree() transfer.Tree { return tree{runtime.GOOS} }

// disk is the name by which the disk knows a path.
func (t tree) disk(path string) string {
	if t.system != runtime.GOOS {
		path = strings.ToUpper(path)
	}
	return filepath.FromSlash(path)
}

// Stat follows links as the system does.
func (t tree) Stat(_ context.Context, path string, follow bool) (transfer.File, error) {
	full, err := absolute(path)
	if err != nil {
		return transfer.File{}, err
	}
	i := strings.LastIndexAny(full, `/`+string(filepath.Separator)) + 1
	look := os.Lstat
	if follow = follow || slices.Contains([]string{"", ".", ".."}, full[i:]); follow {
		look = os.Stat
	}
	info, err := look(full)
	if err != nil {
		if _, above := os.Stat(full[:i]); errors.Is(err, fs.ErrNotExist) && above != nil {
			err = transfer.ErrNoDirectory
		} else if errors.Is(err, syscall.ENOTDIR) {
			err = transfer.ErrNotDirectory
		}
		return transfer.File{}, transfer.Plain(err)
	}
	f, name := describeFile(info), full
	if follow {
		// What /proc/self/fd leads to has no path.
		if physical, err := filepath.EvalSymlinks(full); err == nil {
			name = physical
		}
	} else if dir, err := filepath.EvalSymlinks(full[:i]); err == nil {
		name = filepath.Join(dir, full[i:])
	}
	f.Path = filepath.ToSlash(name)
	if !follow && info.Mode()&fs.ModeSymlink != 0 {
		f.Target, err = os.Readlink(full)
	}
	return f, transfer.Plain(err)
}

// absolute leaves ".." to those who know where links lead.
func absolute(path string) (string, error) {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path, nil
	}
	wd, err := os.Getwd()
	return strings.TrimSuffix(wd, string(filepath.Separator)) + string(filepath.Separator) + path, err
}

func describeFile(info fs.FileInfo) transfer.File {
	f := transfer.File{Mode: info.Mode(), Size: info.Size(), Blocks: -1, Mtime: info.ModTime()}
	describe(&f, info)
	return f
}

// Stream opens what is not a file, directory or link, and the descriptors that a shell hands on by name.
func (t tree) Stream(ctx context.Context, path string, write bool) (transfer.Tree, error) {
	full, err := absolute(path)
	if err != nil {
		return nil, nil //nolint:nilerr // Stat says so
	}
	info, err := os.Stat(full)
	if err != nil || info.IsDir() || info.Mode().IsRegular() && (!write || !descriptor(full)) {
		return nil, nil //nolint:nilerr // see above
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil, transfer.ErrKind
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_WRONLY
	}
	done, file := make(chan error, 1), (*os.File)(nil)
	// A pipe waits for its other end.
	crash.Go(ctx, func() {
		var err error
		file, err = os.OpenFile(full, flag, 0)
		done <- transfer.Plain(err)
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case err := <-done:
		if err != nil {
			return nil, err
		}
	}
	if write {
		return transfer.Output(file, file.Close), nil
	}
	return transfer.Input(file, file.Close), nil
}

// descriptor reports whether a path is one of the names of an open file, which to replace would be no copy.
func descriptor(path string) bool {
	for range 40 {
		path = filepath.Clean(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "/dev/fd" || strings.HasPrefix(dir, "/proc/") && filepath.Base(dir) == "fd" {
			return true
		}
		target, err := os.Readlink(path)
		if err != nil {
			return false
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return false
}

// Open begins at a file or a directory.
func (t tree) Open(_ context.Context, path string) (transfer.Reader, error) {
	full := filepath.FromSlash(path)
	info, err := os.Lstat(full)
	if err != nil {
		return nil, transfer.Plain(err)
	}
	dir, top := full, "."
	if !info.IsDir() {
		dir, top = filepath.Split(full)
	}
	return &files{open: func() (*os.Root, error) { return os.OpenRoot(dir) }, disk: t.disk, top: top}, nil
}

// Stage makes a directory that is private, or takes up one that is.
func (t tree) Stage(_ context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	parent, err := os.OpenRoot(filepath.FromSlash(directory))
	if err != nil {
		return nil, transfer.Plain(err)
	}
	err = parent.Mkdir(id, 0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, look := parent.Lstat(id); look == nil && private(info) {
			err = nil
		} else {
			id = ".shareproc-" + rand.Text()[:16]
			err = parent.Mkdir(id, 0o700)
		}
	}
	var root *os.Root
	if err == nil {
		root, err = parent.OpenRoot(id)
	}
	var info fs.FileInfo
	if err == nil {
		if info, err = root.Stat("."); err == nil && !private(info) {
			err = transfer.ErrInTheWay // somebody else has put theirs in its place
		}
	}
	if err != nil {
		return nil, errors.Join(transfer.Plain(err), parent.Close())
	}
	open := func() (*os.Root, error) { return root.OpenRoot(".") }
	return &stage{files: files{open: open, disk: t.disk, top: "data"}, parent: parent, root: root, name: id, preserve: preserve, system: t.system}, nil
}
