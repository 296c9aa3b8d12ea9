// SPDX-License-Identifier: Apache-2.0

package local

import (
	"archive/tar"
	"io"
	"os"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A spool keeps on the disk what may not go out yet: many small files come at once, and are right or not all together.
type spool struct {
	file  *os.File
	name  string // "" once nobody else can find it
	at    int64
	users int
}

func (s *spool) open() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp("", "shareproc-"); err != nil {
		return err
	}
	// Not every system lets go of the name of an open file.
	if s.name = s.file.Name(); os.Remove(s.name) == nil {
		s.name = ""
	}
	return nil
}

// write adds to the end; more says that so many zeros follow.
func (s *spool) write(p []byte, more int64) error {
	if err := s.open(); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(p, s.at); err != nil {
		return err
	}
	s.at += int64(len(p)) + more
	if more > 0 {
		return s.file.Truncate(s.at)
	}
	return nil
}

// leave empties it when nobody needs it any more.
func (s *spool) leave() error {
	if s.users--; s.users > 0 || s.at == 0 {
		return nil
	}
	s.at = 0
	return s.file.Truncate(0)
}

func (s *spool) close() {
	if s.file == nil {
		return
	}
	_ = s.file.Close()
	if s.name != "" {
		_ = os.Remove(s.name)
	}
}

// A spooled file goes out once all of it has come. Those of a bulk come one after the other.
type spooled struct {
	archive    *Archive
	name       string
	stat       *procfs.Stat
	from, size int64
}

func (c *spooled) add(p []byte, more int64) error {
	if c.size == 0 {
		c.from = c.archive.spool.at
	}
	c.size += int64(len(p)) + more
	return c.archive.spool.write(p, more)
}

func (c *spooled) Write(p []byte) (int, error) {
	c.archive.count(len(p))
	return len(p), c.add(p, 0)
}

func (c *spooled) Skip(n int64) error { return c.add(nil, n) }

// Commit writes the file, or that it is another name of one that is there.
func (c *spooled) Commit() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.archive.spool.leave()
}

func (c *spooled) send() error {
	a := c.archive
	if first, ok := a.inodes[inode(c.stat)]; ok {
		return hardLinked{a, c.name, first, c.stat}.Commit()
	}
	h := a.header(c.name, c.stat)
	h.Typeflag, h.Size = tar.TypeReg, c.size
	if err := a.write(h); err != nil {
		return err
	}
	if c.size > 0 {
		content := io.NewSectionReader(a.spool.file, c.from, c.size)
		if _, err := io.CopyBuffer(a.tar, content, a.copied); err != nil {
			return err
		}
	}
	if c.stat.Nlink > 1 {
		a.inodes[inode(c.stat)] = h.Name
	}
	return nil
}

func (c *spooled) Abort() { _ = c.archive.spool.leave() }
