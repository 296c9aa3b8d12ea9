// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A stage is a private directory of this machine. What is copied is called "data" in it.
type stage struct {
	files
	parent, root *os.Root
	name         string // in parent
	preserve     bool
	system       string // whose names it takes
}

// A putter is one Put: the Receiver of its files.
type putter struct {
	*walk
	stage   *stage
	parts   []transfer.Part
	errs    []error
	begun   []bool
	sealed  []bool  // it has its mode and time
	end     []int64 // how long a file is so far
	file    *os.File
	current int // whose file it is
	dir     string
	names   []string // of dir, where a name had another file already
}

// Put makes what has no contents, and then takes the contents of files.
func (s *stage) Put(_ context.Context, parts []transfer.Part, fill func(transfer.Receiver) error) ([]error, error) {
	w, err := s.walk()
	if err != nil {
		return nil, err
	}
	defer w.close()
	n := len(parts)
	p := &putter{walk: w, stage: s, parts: parts, errs: make([]error, n), begun: make([]bool, n), sealed: make([]bool, n), end: make([]int64, n)}
	contents := false
	var lost []int
	for i, part := range parts {
		above := slices.IndexFunc(lost, func(n int) bool { return parts[n].Path == "." || strings.HasPrefix(part.Path, parts[n].Path+"/") })
		switch {
		case above >= 0:
			p.errs[i] = p.errs[lost[above]]
		case !possible(s.system, part.Path):
			p.errs[i] = transfer.ErrName
		case part.HasContents():
			contents = true
		default:
			if err := p.own(i, p.make(part)); err != nil {
				return nil, err
			}
		}
		if err := p.errs[i]; err != nil && part.Mode.IsDir() && !errors.Is(err, transfer.ErrOwner) {
			lost = append(lost, i)
		}
	}
	if contents {
		err = fill(p)
	}
	return p.errs, errors.Join(err, p.shut())
}

// own keeps an error that concerns one file, and returns one that concerns all of them.
func (p *putter) own(i int, err error) error {
	for _, all := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, all) {
			return err
		}
	}
	if p.errs[i] == nil || errors.Is(p.errs[i], transfer.ErrOwner) {
		p.errs[i] = transfer.Plain(err)
	}
	return nil
}

// make makes a directory or a link.
func (p *putter) make(part transfer.Part) error {
	root, base, err := p.in(part.Path)
	if err != nil {
		return err
	}
	switch {
	case part.Mode.IsDir():
		if err = root.Mkdir(base, 0o700); errors.Is(err, fs.ErrExist) {
			if err = p.clash(root, part.Path); err == nil {
				err = root.Chmod(base, 0o700)
			}
		}
	case part.Link != "":
		if err = p.free(root, base, part.Path); err == nil {
			err = p.root.Link(p.named(part.Link), p.named(part.Path))
		}
		return err
	case part.Mode&fs.ModeSymlink != 0:
		if err = p.free(root, base, part.Path); err == nil {
			err = root.Symlink(part.Target, base)
		}
	default:
		return transfer.ErrKind
	}
	if err == nil && p.stage.preserve {
		return owned(root, base, part.File)
	}
	return err
}

// clash reports another name that this disk treats as the same.
func (p *putter) clash(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if dir := path.Dir(name); p.names == nil || p.dir != dir {
		names, err := readNames(root)
		if err != nil {
			return err
		}
		p.dir, p.names = dir, names
	}
	if slices.Contains(p.names, path.Base(name)) {
		return nil
	}
	return transfer.ErrClash
}

// free takes away a file that an earlier attempt left under the name.
func (p *putter) free(root *os.Root, base, name string) error {
	if _, err := root.Lstat(base); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := p.clash(root, name); err != nil {
		return err
	}
	return root.Remove(base)
}

// use opens the file of a part.
func (p *putter) use(i int) error {
	if p.file != nil && p.current == i {
		return nil
	}
	err := p.shut()
	part := p.parts[i]
	if err == nil && (p.begun[i] || part.From > 0) {
		p.file, _, err = p.regular(part.Path, os.O_WRONLY)
		if err == nil && !p.begun[i] {
			p.end[i], err = part.From, p.file.Truncate(part.From)
		}
	} else if err == nil {
		p.file, err = p.create(part.Path)
	}
	if err == nil {
		p.begun[i], p.current = true, i
	}
	return err
}

// create makes a file. With nonblock Go does not ask how the file waits.
func (p *putter) create(name string) (*os.File, error) {
	root, base, err := p.in(name)
	if err != nil {
		return nil, err
	}
	const flag = os.O_WRONLY | os.O_CREATE | os.O_EXCL | nonblock
	file, err := root.OpenFile(base, flag, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err = p.free(root, base, name); err == nil {
			file, err = root.OpenFile(base, flag, 0o600)
		}
	}
	return file, err
}

func (p *putter) shut() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close() // some file systems say only now that they are full
	p.file = nil
	return transfer.Plain(err)
}

// block is what file systems give and leave out as one.
const block = 4096

// Data leaves blocks of zeros out of files that have holes.
func (p *putter) Data(i int, offset int64, data []byte) error {
	if p.errs[i] != nil {
		return nil
	}
	if err := p.use(i); err != nil {
		return p.own(i, err)
	}
	f, zeros := p.parts[i], [block]byte{}
	for len(data) > 0 {
		n := len(data)
		if f.Blocks < 0 || f.HasHoles() {
			n = min(n, block-int(offset%block))
		}
		if n > block || !bytes.Equal(data[:n], zeros[:n]) {
			if _, err := p.file.WriteAt(data[:n], offset); err != nil {
				return p.own(i, err)
			}
			p.end[i] = offset + int64(n)
		}
		offset, data = offset+int64(n), data[n:]
	}
	if p.end[i] == f.Size && !p.stage.preserve {
		return p.own(i, p.seal(i))
	}
	return nil
}

// Done gives a file its length, owner, mode and time, or takes it away.
func (p *putter) Done(i int, size int64, err error) error {
	if err == nil && p.errs[i] == nil {
		if err := p.own(i, p.finish(i, size)); err != nil || p.errs[i] == nil || errors.Is(p.errs[i], transfer.ErrOwner) {
			return err
		}
	}
	if p.file != nil && p.current == i {
		_ = p.shut()
	}
	if root, base, in := p.in(p.parts[i].Path); in == nil && (p.begun[i] || p.parts[i].From > 0) {
		_ = root.Remove(base)
	}
	return nil
}

func (p *putter) finish(i int, size int64) error {
	if !p.begun[i] || p.end[i] < size {
		if err := p.use(i); err != nil {
			return err
		}
		p.sealed[i] = false
	}
	if p.end[i] < size {
		if err := p.file.Truncate(size); err != nil {
			return err
		}
	}
	if p.current == i {
		if err := p.shut(); err != nil {
			return err
		}
	}
	if p.sealed[i] {
		return nil
	}
	root, base, err := p.in(p.parts[i].Path)
	if err != nil {
		return err
	}
	return p.stage.applyMetadata(root, base, p.parts[i].File)
}

// Remove takes away what is not copied any more.
func (s *stage) Remove(_ context.Context, paths []string) error {
	for _, name := range paths {
		if err := s.removeAll(s.root, s.named(name)); err != nil {
			return transfer.Plain(err)
		}
	}
	return nil
}

// removeAll takes away directories that may not be written too.
func (s *stage) removeAll(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = fs.WalkDir(root.FS(), filepath.ToSlash(name), func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = root.Chmod(filepath.FromSlash(path), 0o700)
		}
		return nil
	})
	return root.RemoveAll(name)
}

// Commit moves.
func (s *stage) Commit(_ context.Context, directories []transfer.File, moves []transfer.Move) ([]error, error) {
	top := map[string]bool{}
	for _, m := range moves {
		top[m.From] = true
	}
	late := map[string]transfer.File{}
	for _, d := range slices.Backward(directories) {
		if d.Mode&0o200 == 0 && top[d.Path] {
			late[d.Path] = d // a directory is changed when it gets another parent
			continue
		}
		if err := s.applyMetadata(s.root, s.named(d.Path), d); err != nil {
			return nil, transfer.Plain(err)
		}
	}
	errs, open := make([]error, len(moves)), ""
	for i, m := range moves {
		to := s.disk(m.To)
		if !possible(s.system, m.To) {
			errs[i] = transfer.ErrName
			continue
		}
		if dir := path.Dir(m.To); dir != open {
			if errs[i] = s.passable(dir); errs[i] != nil {
				continue
			}
			open = dir
		}
		err := s.move(filepath.Join(s.name, s.named(m.From)), to)
		if d, ok := late[m.From]; ok && err == nil {
			err = s.applyMetadata(s.parent, to, d)
		}
		errs[i] = transfer.Plain(err)
	}
	return errs, nil
}

// passable reports whether a path of the destination leads through directories only.
func (s *stage) passable(dir string) error {
	at := ""
	for name := range strings.SplitSeq(dir, "/") {
		at = filepath.Join(at, s.disk(name))
		if info, err := s.parent.Lstat(at); err != nil || !info.IsDir() {
			return errors.Join(transfer.Plain(err), transfer.ErrInTheWay)
		}
	}
	return nil
}

func (s *stage) move(from, to string) error {
	is, err := s.parent.Lstat(from)
	if err != nil {
		return err
	}
	was, err := s.parent.Lstat(to)
	switch kind := fs.FileMode(0); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case is.IsDir() && was.IsDir():
		return fs.ErrExist
	default:
		if kind = was.Mode().Type(); is.IsDir() || kind != 0 && kind != fs.ModeSymlink {
			return transfer.ErrInTheWay
		}
	}
	return s.parent.Rename(from, to)
}

// Close takes the directory away, if it may.
func (s *stage) Close(_ context.Context, keep bool) error {
	err := s.root.Close()
	if !keep {
		err = errors.Join(err, s.removeAll(s.parent, s.name))
	}
	return errors.Join(err, s.parent.Close())
}
