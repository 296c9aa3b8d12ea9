// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"io/fs"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A fileInfo is a Stat with the name it was asked by.
type fileInfo struct {
	name string
	stat *remote.Stat
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.stat.Size }
func (i fileInfo) Mode() fs.FileMode  { return i.stat.FileMode() }
func (i fileInfo) ModTime() time.Time { return i.stat.Mtime }
func (i fileInfo) IsDir() bool        { return i.stat.FileMode().IsDir() }
func (i fileInfo) Sys() any           { return i.stat }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }

// An Entry is one name in a directory: an fs.DirEntry whose Info is already there.
type Entry struct {
	name string
	stat *remote.Stat // nil: the name is there, its facts could not be read
	err  error
}

// Name is the entry's own name, without a directory, exactly as it is.
func (e Entry) Name() string { return e.name }

// IsDir is false for links to directories, and where the facts could not be read.
func (e Entry) IsDir() bool { return e.Type().IsDir() }

// Type is the type bits; fs.ModeIrregular where the facts could not be read.
func (e Entry) Type() fs.FileMode {
	if e.stat == nil {
		return fs.ModeIrregular
	}
	return e.stat.FileMode().Type()
}

// Info is the entry's facts (of the link, where it is one). Its Sys() is a *Stat. The error, where the facts could
// not be read, is an *fs.PathError.
func (e Entry) Info() (fs.FileInfo, error) {
	if e.stat == nil {
		return nil, &fs.PathError{Op: "lstat", Path: e.name, Err: e.err}
	}
	return fileInfo{e.name, e.stat}, nil
}

// Stat is Info's Sys(), nil where the facts could not be read.
func (e Entry) Stat() *remote.Stat { return e.stat }
func (e Entry) String() string     { return fs.FormatDirEntry(e) }
