// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// A local is this machine's file system.
type local struct {
	system string // whose rules the disk has for names: another one in tests, which takes README and readme for one
}

// Local is the Tree of this machine's files. Nothing is read or written outside a path that Open or Stage was given, whatever
// links are there. Its paths have slashes, on Windows too.
func Local() Tree { return local{runtime.GOOS} }

// disk is the name by which the disk knows a path.
func (l local) disk(path string) string {
	if l.system != runtime.GOOS {
		path = strings.ToUpper(path)
	}
	return filepath.FromSlash(path)
}

// Stat follows links as the system does.
func (l local) Stat(_ context.Context, path string, follow bool) (File, error) {
	full, err := absolute(path)
	if err != nil {
		return File{}, err
	}
	i := strings.LastIndexAny(full, `/`+string(filepath.Separator)) + 1
	look := os.Lstat
	if follow = follow || unnamed(full[i:]); follow {
		look = os.Stat
	}
	info, err := look(full)
	if err != nil {
		if _, above := os.Stat(full[:i]); errors.Is(err, fs.ErrNotExist) && above != nil {
			err = ErrNoDirectory
		} else if errors.Is(err, syscall.ENOTDIR) {
			err = ErrNotDirectory
		}
		return File{}, plain(err)
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
	return f, plain(err)
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

func describeFile(info fs.FileInfo) File {
	f := File{Mode: info.Mode(), Size: info.Size(), Blocks: -1, Mtime: info.ModTime()}
	describe(&f, info)
	return f
}

// Stream opens what is not a file, directory or link, and the descriptors that a shell hands on by name.
func (l local) Stream(ctx context.Context, path string, write bool) (Tree, error) {
	full, err := absolute(path)
	if err != nil {
		return nil, nil //nolint:nilerr // Stat says so
	}
	info, err := os.Stat(full)
	if err != nil || info.IsDir() || info.Mode().IsRegular() && (!write || !descriptor(full)) {
		return nil, nil //nolint:nilerr // see above
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil, ErrKind
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
		done <- plain(err)
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
		return &stream{out: &output{newFlow(file), file.Close}}, nil
	}
	return &stream{in: &input{in: file, close: file.Close}}, nil
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
func (l local) Open(_ context.Context, path string) (Reader, error) {
	full := filepath.FromSlash(path)
	info, err := os.Lstat(full)
	if err != nil {
		return nil, plain(err)
	}
	dir, top := full, "."
	if !info.IsDir() {
		dir, top = filepath.Split(full)
	}
	return &files{open: func() (*os.Root, error) { return os.OpenRoot(dir) }, disk: l.disk, top: top}, nil
}

// Stage makes a directory that is private, or takes up one that is.
func (l local) Stage(_ context.Context, directory, id string, preserve bool) (Stage, error) {
	parent, err := os.OpenRoot(filepath.FromSlash(directory))
	if err != nil {
		return nil, plain(err)
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
			err = ErrInTheWay // somebody else has put theirs in its place
		}
	}
	if err != nil {
		return nil, errors.Join(plain(err), parent.Close())
	}
	open := func() (*os.Root, error) { return root.OpenRoot(".") }
	return &stage{files: files{open: open, disk: l.disk, top: "data"}, parent: parent, root: root, name: id, preserve: preserve, system: l.system}, nil
}
