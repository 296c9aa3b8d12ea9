// SPDX-License-Identifier: Apache-2.0

package place

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

// A Desk is this machine's file system. Its paths have slashes.
type Desk struct{}

// native is a path as this system takes it. A drive of Windows without a separator would be where one is on it.
func native(name string) string {
	full := filepath.FromSlash(name)
	if full == filepath.VolumeName(full) {
		full += string(filepath.Separator)
	}
	return full
}

// List lists a directory.
func (Desk) List(_ context.Context, dir string) (Listing, error) {
	full := native(dir)
	info, err := os.Stat(full)
	if err != nil {
		return Listing{}, Plain(err)
	}
	if !info.IsDir() {
		return Listing{}, remote.ErrNotDirectory
	}
	entries, err := os.ReadDir(full)
	if err != nil && len(entries) == 0 {
		return Listing{}, Plain(err)
	}
	l := Listing{Path: dir, Stamp: info.ModTime()}
	for _, e := range entries {
		it := Named(e.Name())
		info, err := e.Info()
		if err != nil {
			it.Unknown, it.Mode, it.Blocks = true, fs.ModeIrregular, -1
		} else {
			it = localItem(info)
		}
		if it.Mode.Type() == fs.ModeSymlink {
			it.Target, _ = os.Readlink(filepath.Join(full, e.Name()))
		}
		l.Items = append(l.Items, it)
	}
	return l, nil
}

func localItem(info fs.FileInfo) Item {
	it := Named(info.Name())
	it.Mode, it.Perm, it.Size, it.Blocks, it.Time, it.Links = info.Mode(), localMode(info.Mode()), info.Size(), -1, info.ModTime(), 1
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

// Stamp says when its entries changed.
func (Desk) Stamp(_ context.Context, dir string) (time.Time, error) {
	info, err := os.Stat(native(dir))
	if err != nil {
		return time.Time{}, Plain(err)
	}
	return info.ModTime(), nil
}

// Look opens no file of the kernel's.
func (Desk) Look(_ context.Context, name string, limit int64, _ bool) (s Head, err error) {
	full := native(name)
	info, err := os.Stat(full)
	if err != nil {
		return s, Plain(err)
	}
	s = Head{Path: name, Item: localItem(info)}
	switch {
	case info.IsDir():
		return s, nil
	case !info.Mode().IsRegular():
		s.Note = "not opened: it is a " + files.KindOf(info.Mode())
		return s, nil
	case strings.HasPrefix(name, "/proc/"), strings.HasPrefix(name, "/sys/"):
		s.Note = "a file of the kernel's"
		return s, nil
	}
	file, err := os.Open(full)
	if err != nil {
		return s, Plain(err)
	}
	s.Begin, err = io.ReadAll(io.LimitReader(file, limit))
	s.Opened = err == nil
	return s, errors.Join(Plain(err), file.Close())
}

// Plain is an error without the path, which the screen has already.
func Plain(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
