// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conform

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// A File is what the kernel says of one, on this side.
type File struct {
	Stat   syscall.Stat_t
	Target string // of a link
	// Sum and Content are of a regular file that is neither large nor deep.
	Sum     [sha256.Size]byte
	Content string
}

// Mtime is the file's, in the kernel's own resolution.
func (f *File) Mtime() time.Time { return time.Unix(f.Stat.Mtim.Unix()) }

func (f *File) kind() uint32 { return f.Stat.Mode & syscall.S_IFMT }

// Oracle is a tree by path: "" is its root, everything else begins with a slash.
type Oracle map[string]*File

// Look asks the kernel about all of a directory. Paths may be longer than it takes: each step has a descriptor.
func Look(directory string) (Oracle, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	o := Oracle{}
	if err := o.add(root, ".", ""); err != nil {
		return nil, err
	}
	return o, o.below(root, "")
}

func (o Oracle) add(dir *os.Root, name, at string) error {
	info, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("no stat of %q", at)
	}
	f := &File{Stat: *stat}
	o[at] = f
	switch f.kind() {
	case syscall.S_IFLNK:
		f.Target, err = dir.Readlink(name)
	case syscall.S_IFREG:
		if !strings.HasPrefix(at, "/large/") && !strings.HasPrefix(at, "/deep/") {
			err = f.read(dir, name)
		}
	}
	return err
}

func (f *File) read(dir *os.Root, name string) error {
	in, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	f.Content, f.Sum = string(content), sha256.Sum256(content)
	return err
}

func (o Oracle) below(dir *os.Root, at string) error {
	self, err := dir.Open(".")
	if err != nil {
		return err
	}
	names, err := self.Readdirnames(-1)
	self.Close()
	if err != nil {
		return err
	}
	for _, name := range names {
		path := at + "/" + name
		if err := o.add(dir, name, path); err != nil {
			return err
		}
		if o[path].kind() != syscall.S_IFDIR {
			continue
		}
		next, err := dir.OpenRoot(name)
		if err != nil {
			return err
		}
		err = o.below(next, path)
		next.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// A User is who looks, on the other side.
type User struct{ UID, GID uint32 }

// may is the kernel's own rule (path_resolution(7), "Permissions"), without groups beyond the first.
func (u User) may(f *File, want uint32) bool {
	switch {
	case u.UID == 0:
		return true
	case u.UID == f.Stat.Uid:
		want <<= 6
	case u.GID == f.Stat.Gid:
		want <<= 3
	}
	return f.Stat.Mode&want == want
}

const (
	mayRead  = 4
	mayEnter = 1
)

// hidden reports whether a directory above path is closed to a user, or path too long to be sure: what is not reported then is
// no mistake.
func (o Oracle) hidden(u User, path string) bool {
	if len(path) > tooLong {
		return true
	}
	for i := strings.LastIndexByte(path, '/'); i >= 0; i = strings.LastIndexByte(path[:i], '/') {
		if !u.may(o[path[:i]], mayRead|mayEnter) {
			return true
		}
	}
	return false
}

// shut tells a directory that a user cannot list.
func (o Oracle) shut(u User, path string) bool {
	return o[path].kind() == syscall.S_IFDIR && !u.may(o[path], mayRead|mayEnter)
}
