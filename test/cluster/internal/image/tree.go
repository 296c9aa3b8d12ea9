// SPDX-License-Identifier: Apache-2.0

// Package image makes the container images that tests run, out of this machine's own packages and without any registry:
// busybox, pause and nginx without a shell. It writes archives and starts no container.
package image

import (
	"io/fs"
	"path"
)

// A Tree is the content of an image's only layer, by path without a leading slash.
type Tree map[string]Entry

// An Entry is one file. Owner and times are fixed when the layer is written, except for the owner given here.
type Entry struct {
	Mode fs.FileMode // type and permissions
	Body []byte      // of a regular file
	Link string      // target of a symbolic link, as it is in the link
	Hard string      // path of the entry that this is another name of
	UID  int
}

// File adds a regular file, and its directories.
func (t Tree) File(name string, mode fs.FileMode, body []byte) {
	t.add(name, Entry{Mode: mode, Body: body})
}

// Dir adds a directory that belongs to a user.
func (t Tree) Dir(name string, mode fs.FileMode, uid int) {
	t.add(name, Entry{Mode: mode | fs.ModeDir, UID: uid})
}

// Symlink adds a symbolic link.
func (t Tree) Symlink(name, target string) {
	t.add(name, Entry{Mode: 0o777 | fs.ModeSymlink, Link: target})
}

// Hardlink adds another name of a regular file.
func (t Tree) Hardlink(name, target string) { t.add(name, Entry{Mode: 0o755, Hard: target}) }

func (t Tree) add(name string, entry Entry) {
	t[name] = entry
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t[dir]; !ok {
			t[dir] = Entry{Mode: 0o755 | fs.ModeDir}
		}
	}
}
