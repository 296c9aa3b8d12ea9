// SPDX-License-Identifier: Apache-2.0

package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A content is a regular file that is being written.
type content struct {
	tree       *Tree
	name       string
	stat       *procfs.Stat
	root       *folder
	base, made string
	file       *os.File // nil once all of it is there: a bulk has more files than may be open at once
	at, end    int64    // end is how long the file is so far
	dressed    bool
	suspended  bool
	begun      bool  // what is in the file is of this run, or known to be right
	whole      bool  // it is at its place already
	told       int64 // to Progress
}

// Create makes a regular file.
func (t *Tree) Create(name string, s *procfs.Stat) (procfs.Content, error) {
	if !t.file && !possible(name) {
		t.Report(name, errName)
		return nil, nil
	}
	c, err := t.create(name, s)
	if err != nil {
		return nil, t.settle(name, err)
	}
	t.open[c] = true
	return c, nil
}

func (t *Tree) create(name string, s *procfs.Stat) (*content, error) {
	t.note(name)
	root, base, err := t.in(name)
	if err != nil {
		return nil, err
	}
	c := &content{tree: t, name: name, stat: s, root: root, base: base, made: base}
	if !t.fresh() {
		if err := free(root.Root, base); err != nil {
			root.leave()
			return nil, err
		}
		c.made = tempName()
		if t.Resume {
			c.made = partialName(base)
		}
	}
	if err := c.begin(); err != nil {
		root.leave()
		return nil, err
	}
	if s.Size == 0 {
		err = c.ready()
	}
	if err = errors.Join(err, c.full()); err != nil {
		c.Abort()
		return nil, err
	}
	return c, nil
}

// begin makes the file, or opens what there is of it.
func (c *content) begin() (err error) {
	if c.file, err = c.root.OpenFile(c.made, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) {
		c.begun = !c.tree.Resume
		return err
	}
	if c.tree.Resume {
		// What it holds counts for nothing until Rewind says so.
		c.file, err = openOwn(c.root.Root, c.made, os.O_WRONLY)
		return err
	}
	c.begun = true
	if !c.tree.fresh() {
		return err
	}
	// It came before, and is another one by now.
	if err := c.root.Remove(c.made); err != nil {
		return err
	}
	c.file, err = c.root.OpenFile(c.made, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

// block is what file systems give and leave out as one.
const block = 4096

// Write leaves blocks of zeros out.
func (c *content) Write(p []byte) (int, error) {
	written := len(p)
	c.progress(int64(written))
	if err := c.ready(); err != nil {
		return 0, err
	}
	if c.file == nil {
		if err := c.reopen(); err != nil {
			return 0, err
		}
	}
	for len(p) > 0 {
		zero, n := c.run(p)
		if !zero {
			if _, err := c.file.WriteAt(p[:n], c.at); err != nil {
				return 0, err
			}
			c.end = c.at + int64(n)
		}
		c.at += int64(n)
		p = p[n:]
	}
	return written, c.full()
}

var zeros [block]byte

// run measures how far the blocks at the head of p are all zeros, or all something else.
func (c *content) run(p []byte) (zero bool, n int) {
	for n < len(p) {
		step := min(block-int((c.at+int64(n))%block), len(p)-n)
		is := bytes.Equal(p[n:n+step], zeros[:step])
		if n > 0 && is != zero {
			break
		}
		zero = is
		n += step
	}
	return zero, n
}

// Skip leaves a hole.
func (c *content) Skip(n int64) error {
	if err := c.ready(); err != nil {
		return err
	}
	c.at += n
	return c.full()
}

// full closes the file once it has what was announced.
func (c *content) full() error {
	if c.file == nil || c.at < c.stat.Size {
		return nil
	}
	return c.shut()
}

// reopen is for what is longer than it was said to be.
func (c *content) reopen() (err error) {
	c.dressed = false
	if err := c.root.Chmod(c.made, 0o600); err != nil {
		return err
	}
	c.file, err = c.root.OpenFile(c.made, os.O_WRONLY, 0)
	return err
}

// shut ends the file with its length, mode and times.
func (c *content) shut() error {
	var err error
	if c.at > c.end {
		err = c.file.Truncate(c.at)
	}
	if closed := c.file.Close(); err == nil {
		err = closed // some file systems say only now that they are full
	}
	c.file = nil
	if err != nil {
		return err
	}
	c.dressed = true
	return c.tree.dress(c.root.Root, c.made, c.name, c.stat)
}

// Commit gives the file its name. A file that came under another name already becomes a link to that.
func (c *content) Commit() error {
	defer c.forget()
	if c.whole {
		return nil
	}
	if c.file != nil {
		if err := c.shut(); err != nil {
			c.discard()
			return err
		}
	}
	id := [2]uint64{c.stat.Dev, c.stat.Ino}
	if first, ok := c.tree.inodes[id]; ok && first != c.name && !c.tree.file {
		c.discard()
		return c.tree.settle(c.name, c.tree.hardLink(first, c.name))
	}
	if c.made != c.base {
		if err := replace(c.root.Root, c.made, c.base); err != nil {
			return c.tree.settle(c.name, err)
		}
	}
	if c.stat.Nlink > 1 {
		c.tree.inodes[id] = c.name
	}
	return nil
}

// Abort takes the file away.
func (c *content) Abort() {
	defer c.forget()
	c.progress(-c.told)
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
	if !c.whole {
		c.discard()
	}
}

func (c *content) progress(n int64) {
	c.told += n
	if c.tree.Progress != nil && n != 0 {
		c.tree.Progress(n)
	}
}

func (c *content) discard() { _ = c.root.Remove(c.made) }

func (c *content) forget() {
	delete(c.tree.open, c)
	c.root.leave()
}

// hardLink gives a file one more name.
func (t *Tree) hardLink(first, name string) error {
	made := name
	if !t.fresh() {
		made = name[:len(name)-len(lastPart(name))] + tempName()
	}
	if err := t.root.Link(first, made); err != nil {
		return err
	}
	if made == name {
		return nil
	}
	return replace(t.root, made, name)
}
