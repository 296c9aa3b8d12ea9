// SPDX-License-Identifier: Apache-2.0

package local

import (
	"io/fs"
	"os"
	"path/filepath"
)

// A reader is a directory that is sent: an os.Root, or one whose links lead wherever they lead.
type reader interface {
	Lstat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
	Readlink(name string) (string, error)
	Close() error
}

func (p *packer) reader() (reader, error) {
	if p.Follow {
		return following(p.top), nil
	}
	return os.OpenRoot(p.top)
}

// A following has files in the place of links.
type following string

func (f following) in(name string) string { return filepath.Join(string(f), name) }

func (f following) Lstat(name string) (fs.FileInfo, error) { return os.Stat(f.in(name)) }

func (f following) Open(name string) (*os.File, error) { return os.Open(f.in(name)) }

func (f following) Readlink(name string) (string, error) { return os.Readlink(f.in(name)) }

func (f following) Close() error { return nil }

// Size is how many bytes a file or a directory has, for showing how far it has come: what cannot be read counts nothing.
func Size(name string) int64 {
	var size int64
	_ = filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // it is no error not to know
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
