// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A desk is this machine's file system. Its paths have slashes.
type desk struct{}

// native is a path as this system takes it. A drive of Windows without a separator would be where one is on it.
func native(name string) string {
	full := filepath.FromSlash(name)
	if full == filepath.VolumeName(full) {
		full += string(filepath.Separator)
	}
	return full
}

func (desk) list(_ context.Context, dir string) (listing, error) {
	full := native(dir)
	info, err := os.Stat(full)
	if err != nil {
		return listing{}, plain(err)
	}
	if !info.IsDir() {
		return listing{}, remote.ErrNotDirectory
	}
	entries, err := os.ReadDir(full)
	if err != nil && len(entries) == 0 {
		return listing{}, plain(err)
	}
	l := listing{path: dir, stamp: info.ModTime()}
	for _, e := range entries {
		it := named(e.Name())
		info, err := e.Info()
		if err != nil {
			it.unknown, it.mode, it.blocks = true, fs.ModeIrregular, -1
		} else {
			it = localItem(info)
		}
		if it.mode.Type() == fs.ModeSymlink {
			it.target, _ = os.Readlink(filepath.Join(full, e.Name()))
		}
		l.items = append(l.items, it)
	}
	return l, nil
}

func localItem(info fs.FileInfo) item {
	it := named(info.Name())
	it.mode, it.perm, it.size, it.blocks, it.time, it.links = info.Mode(), localMode(info.Mode()), info.Size(), -1, info.ModTime(), 1
	return it
}

// localMode is st_mode as far as Go's mode says.
func localMode(mode fs.FileMode) uint32 {
	m := uint32(mode.Perm())
	switch mode.Type() {
	case fs.ModeDir:
		return m | 0o040000
	case fs.ModeSymlink:
		return m | 0o120000
	case 0:
		return m | 0o100000
	}
	return m
}

func (desk) stamp(_ context.Context, dir string) (time.Time, error) {
	info, err := os.Stat(native(dir))
	if err != nil {
		return time.Time{}, plain(err)
	}
	return info.ModTime(), nil
}

func (desk) look(_ context.Context, name string, limit int64, _ bool) (s fileHead, err error) {
	full := native(name)
	info, err := os.Stat(full)
	if err != nil {
		return s, plain(err)
	}
	s = fileHead{path: name, item: localItem(info)}
	switch {
	case info.IsDir():
		return s, nil
	case !info.Mode().IsRegular():
		s.note = "not opened: it is a " + files.KindOf(info.Mode())
		return s, nil
	case strings.HasPrefix(name, "/proc/"), strings.HasPrefix(name, "/sys/"):
		s.note = "a file of the kernel's"
		return s, nil
	}
	file, err := os.Open(full)
	if err != nil {
		return s, plain(err)
	}
	s.begin, err = io.ReadAll(io.LimitReader(file, limit))
	s.opened = err == nil
	return s, errors.Join(plain(err), file.Close())
}

// plain is an error without the path, which the screen has already.
func plain(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
