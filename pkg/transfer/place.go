// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"io/fs"
	"strings"
)

// A place is where a copy goes.
type place struct {
	dir    string // physical; the stage is in it
	base   string // its name there, "" where it merges into dir
	inside bool
	state  string // of what has the place
}

func (p place) path() string {
	if p.base == "" {
		return p.dir
	}
	return strings.TrimSuffix(p.dir, "/") + "/" + p.base
}

// same reports whether a source of the same tree is what it would replace, or is a directory that the place is in.
func (p place) same(f File) bool {
	if f.Mode.IsDir() {
		return strings.HasPrefix(p.path()+"/", strings.TrimSuffix(f.Path, "/")+"/")
	}
	return p.state != "" && p.state == f.State
}

// trim takes the slashes at the end off; they want a directory.
func trim(path string) (short string, wanted bool) {
	short = strings.TrimRight(path, "/")
	if short == "" && path != "" {
		return "/", true
	}
	return short, short != path
}

// split is a path's last name, and where that is.
func split(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return ".", path
	}
	if dir, _ = trim(path[:i+1]); len(dir) == 2 && dir[1] == ':' {
		dir += "/" // the root of a drive
	}
	return dir, path[i+1:]
}

// unnamed are paths whose last name is none that a copy of it could have.
func unnamed(base string) bool { return base == "" || base == "." || base == ".." }

// source finds what is copied. A link that is named as it is stays a link.
func source(ctx context.Context, src Tree, o Options) (File, error) {
	path, wanted := trim(o.Source)
	if path == "" || strings.ContainsRune(path, 0) {
		return File{}, fs.ErrNotExist
	}
	_, base := split(path)
	f, err := src.Stat(ctx, path, o.Follow || wanted || unnamed(base))
	switch {
	case err != nil:
		return f, err
	case f.Err != nil:
		return f, f.Err
	case wanted && !f.Mode.IsDir():
		return f, ErrNotDirectory
	case !f.Mode.IsDir() && !f.Mode.IsRegular() && f.Mode&fs.ModeSymlink == 0:
		return f, kindError(f.Mode)
	}
	return f, nil
}

// destination finds out where f goes.
func destination(ctx context.Context, dst Tree, from, to string, f File) (place, error) {
	path, wanted := trim(to)
	if path == "" || strings.ContainsRune(path, 0) {
		return place{}, fs.ErrNotExist
	}
	at, err := dst.Stat(ctx, path, true)
	switch {
	case err == nil && at.Mode.IsDir():
		from, _ = trim(from)
		_, base := split(from)
		if unnamed(base) {
			return place{dir: at.Path}, nil
		}
		if from == "-" && f.Path == "-" {
			return place{}, ErrIsDirectory
		}
		p, err := over(ctx, dst, place{dir: at.Path, base: base}.path(), f)
		p.inside = true
		return p, err
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return place{}, err
	case wanted && (err == nil || !f.Mode.IsDir()):
		return place{}, ErrNotDirectory
	}
	return over(ctx, dst, path, f)
}

// over is the place at a path, whatever has it now.
func over(ctx context.Context, dst Tree, path string, f File) (place, error) {
	at, err := dst.Stat(ctx, path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return free(ctx, dst, path)
	}
	if err == nil && at.Mode&fs.ModeSymlink != 0 && f.Mode.IsRegular() {
		if at, err = dst.Stat(ctx, path, true); errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoDirectory) {
			return place{}, ErrDangling
		}
	}
	switch kind := at.Mode.Type(); {
	case err != nil:
		return place{}, err
	case kind == fs.ModeDir && f.Mode.IsDir():
		return place{dir: at.Path}, nil
	case kind == fs.ModeDir:
		return place{}, ErrIsDirectory
	case f.Mode.IsDir() || kind != 0 && kind != fs.ModeSymlink:
		return place{}, ErrInTheWay
	}
	dir, base := split(at.Path)
	return place{dir: dir, base: base, state: at.State}, nil
}

// free is the place at a path that nothing has.
func free(ctx context.Context, dst Tree, path string) (place, error) {
	dir, base := split(path)
	at, err := dst.Stat(ctx, dir, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{}, ErrNoDirectory
	case err != nil:
		return place{}, err
	case !at.Mode.IsDir():
		return place{}, ErrNotDirectory
	case unnamed(base):
		return place{}, fs.ErrNotExist
	}
	return place{dir: at.Path, base: base}, nil
}
