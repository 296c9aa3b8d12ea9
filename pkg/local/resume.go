// SPDX-License-Identifier: Apache-2.0

package local

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

var (
	_ procfs.Keeper    = (*Tree)(nil)
	_ procfs.Resumable = (*content)(nil)
)

const partialEnd = ".partial"

// partialName is where a later run finds what this one could not finish. It is short, as tempName is.
func partialName(base string) string {
	sum := sha256.Sum256([]byte(base))
	return ".shareproc-" + base32.StdEncoding.EncodeToString(sum[:10]) + partialEnd
}

// openOwn opens a regular file, and goes through no link that is in its place.
func openOwn(root *os.Root, name string, flag int) (*os.File, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "write", Path: name, Err: ErrInTheWay}
	}
	file, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	if after, err := file.Stat(); err != nil || !os.SameFile(before, after) {
		_ = file.Close()
		return nil, errors.Join(err, &fs.PathError{Op: "write", Path: name, Err: ErrInTheWay})
	}
	return file, nil
}

// Have opens a file that is whole, by its length and time, or what an earlier run left of it.
func (t *Tree) Have(name string, s *procfs.Stat) (r io.ReadCloser, whole bool, err error) {
	where, base := path.Split(name)
	if t.file {
		base = t.base
	} else if !possible(name) {
		return nil, false, nil
	}
	// What cannot be opened is not there: then it comes, and Create says what is wrong.
	root, err := t.root.OpenRoot(filepath.FromSlash(path.Clean("./" + where)))
	if err != nil {
		return nil, false, nil
	}
	defer func() { _ = root.Close() }()
	if info, err := root.Lstat(base); err == nil && isWhole(info, s) {
		if file, err := openOwn(root, base, os.O_RDONLY); err == nil {
			return file, true, nil
		}
	}
	if file, err := openOwn(root, partialName(base), os.O_RDONLY); err == nil {
		return file, false, nil
	}
	return nil, false, nil
}

func isWhole(info fs.FileInfo, s *procfs.Stat) bool {
	return info.Mode().IsRegular() && info.Size() == s.Size && info.ModTime().Equal(s.Mtime)
}

// Kept notes a file that an earlier run has copied.
func (t *Tree) Kept(name string, s *procfs.Stat) error {
	t.note(name)
	if s.Nlink > 1 {
		t.inodes[[2]uint64{s.Dev, s.Ino}] = name
	}
	if t.Progress != nil {
		t.Progress(s.Size)
	}
	return nil
}

// Suspend closes the file and leaves it.
func (c *content) Suspend() {
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
	c.suspended = true
}

// Rewind cuts off what is not known to be right.
func (c *content) Rewind(n int64) error {
	found := !c.begun && c.tree.Resume && n > 0 && n == c.stat.Size
	c.suspended, c.begun = false, true
	c.progress(n - c.told)
	if info, err := c.root.Lstat(c.base); found && err == nil && isWhole(info, c.stat) {
		c.whole = true
		return c.drop()
	}
	if c.file == nil {
		if c.at == n && n == c.stat.Size {
			return nil // it was complete, and closed
		}
		if err := c.reopen(); err != nil {
			return err
		}
	}
	c.at, c.end = n, n
	if err := c.file.Truncate(n); err != nil {
		return err
	}
	return c.full()
}

// ready forgets what an earlier run left, where Rewind has not said that it is right.
func (c *content) ready() error {
	if c.begun || c.file == nil {
		return nil
	}
	c.begun = true
	return c.file.Truncate(0)
}

// drop takes away what was made in vain.
func (c *content) drop() error {
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
	return c.root.Remove(c.made)
}

// sweep takes away what an earlier run left and this one has not heard of: it is not there any more.
func (t *Tree) sweep() error {
	if t.came == nil {
		return nil
	}
	return fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "." || t.came[name] || d.IsDir() && t.known[name] {
			return nil
		}
		if err := t.root.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}
