// SPDX-License-Identifier: Apache-2.0

package local

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// errChanged says that a local file is not what it was when its length was announced.
var errChanged = errors.New("changed while it was read")

// Source prepares a file or directory of this machine for procfs.Push. A link that is named itself is followed, others
// are kept as links.
func Source(name string, o Options) (procfs.Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return procfs.Source{}, err
	}
	base := ""
	if !strings.HasSuffix(filepath.ToSlash(name), "/.") && name != "." {
		full, err := filepath.Abs(name)
		if err != nil {
			return procfs.Source{}, err
		}
		if base = filepath.Base(full); base == string(filepath.Separator) {
			base = ""
		}
	}
	s := procfs.Source{Name: base, Mode: info.Mode().Perm(), Mtime: info.ModTime()}
	if o.Preserve {
		s.Mode |= info.Mode() & (fs.ModeSetuid | fs.ModeSetgid)
		s.Owner = "0:0"
		if id, ok := identify(info); ok {
			s.Owner = fmt.Sprintf("%d:%d", id.uid, id.gid)
		}
	}
	switch {
	case info.Mode().IsRegular():
		sender := &sender{name: name, info: info, progress: o.Progress}
		s.Write, s.Open = sender.send, func(string) (fs.File, error) { return os.Open(name) }
	case info.IsDir():
		s.Tree = true
		p := &packer{Options: o, top: name}
		s.Write, s.Again, s.Open = p.send, p.sendDirs, p.open
	default:
		return s, &fs.PathError{Op: "copy", Path: name, Err: ErrKind}
	}
	return s, nil
}

// A sender sends one file.
type sender struct {
	name     string
	info     fs.FileInfo
	progress func(int64)
	told     int64
}

func (s *sender) send(w io.Writer, rest procfs.Rest) error {
	file, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(rest.From, io.SeekStart); err != nil {
		return err
	}
	s.count(rest.From - s.told)
	n, err := io.Copy(w, &counted{file, s.count})
	now, statErr := file.Stat()
	if err == nil && (statErr != nil || rest.From+n != s.info.Size() || !now.ModTime().Equal(s.info.ModTime())) {
		err = errors.Join(statErr, &fs.PathError{Op: "read", Path: s.name, Err: errChanged})
	}
	return err
}

func (s *sender) count(n int64) {
	s.told += n
	if s.progress != nil {
		s.progress(n)
	}
}

// counted tells how much was read.
type counted struct {
	io.Reader
	progress func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.progress != nil {
		c.progress(int64(n))
	}
	return n, err
}

// A packer writes a tree as an archive.
type packer struct {
	Options
	top      string
	root     reader
	above    []fs.FileInfo // the directories that are being packed, where links are followed
	tar      *tar.Writer
	skip     func(string) bool
	seen     map[identity]string
	dirs     []*tar.Header
	told     int64
	reported map[string]bool
}

// open opens a file for comparing it with what was sent.
func (p *packer) open(name string) (fs.File, error) {
	root, err := p.reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.Open(filepath.FromSlash(name))
}

// report tells of a name once, however often the tree is sent.
func (p *packer) report(name string, err error) {
	if !p.reported[name] {
		p.reported[name] = true
		p.Report(name, err)
	}
}

func (p *packer) count(n int64) {
	p.told += n
	if p.Progress != nil {
		p.Progress(n)
	}
}

func (p *packer) send(w io.Writer, rest procfs.Rest) error {
	root, err := p.reader()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	p.root, p.tar, p.skip, p.seen, p.dirs = root, tar.NewWriter(w), rest.Skip, map[identity]string{}, nil
	if p.reported == nil {
		p.reported = map[string]bool{}
	}
	p.count(-p.told)
	if err := p.pack("."); err != nil {
		return err
	}
	return p.tar.Close()
}

// sendDirs sends the directories from the inside out: what was put into one has changed its time, and needed its mode.
func (p *packer) sendDirs(w io.Writer) error {
	archive := tar.NewWriter(w)
	for _, h := range slices.Backward(p.dirs) {
		if err := archive.WriteHeader(h); err != nil {
			return err
		}
	}
	return archive.Close()
}

// pack sends one name, and what is below it. What cannot be read is reported, and the rest goes on.
func (p *packer) pack(name string) error {
	info, err := p.root.Lstat(name)
	if err != nil {
		p.report(name, err)
		return nil
	}
	h := p.header(name, info)
	switch mode := info.Mode(); {
	case mode.IsDir() && slices.ContainsFunc(p.above, func(dir fs.FileInfo) bool { return os.SameFile(dir, info) }):
		p.report(name, procfs.ErrLinkLoop)
		return nil
	case mode.IsDir():
		return p.packDir(name, h)
	case mode&fs.ModeSymlink != 0:
		if h.Linkname, err = p.root.Readlink(name); err != nil {
			p.report(name, err)
			return nil
		}
		h.Linkname, h.Typeflag = filepath.ToSlash(h.Linkname), tar.TypeSymlink
		return p.tar.WriteHeader(h)
	case mode.IsRegular():
		return p.packFile(name, info, h)
	default:
		p.report(name, ErrKind)
		return nil
	}
}

func (p *packer) header(name string, info fs.FileInfo) *tar.Header {
	h := &tar.Header{Name: "./" + name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatGNU}
	if info.Mode()&fs.ModeSticky != 0 && info.IsDir() {
		h.Mode |= 0o1000
	}
	if id, ok := identify(info); ok && p.Preserve {
		h.Uid, h.Gid = int(id.uid), int(id.gid)
		if info.Mode()&fs.ModeSetuid != 0 {
			h.Mode |= 0o4000
		}
		if info.Mode()&fs.ModeSetgid != 0 {
			h.Mode |= 0o2000
		}
	}
	return h
}

func (p *packer) packDir(name string, h *tar.Header) error {
	h.Typeflag = tar.TypeDir
	h.Name = strings.TrimSuffix(h.Name, "/.") + "/"
	if name == "." {
		h.Name = "./"
	}
	open := *h
	open.Mode |= 0o700
	if err := p.tar.WriteHeader(&open); err != nil {
		return err
	}
	p.dirs = append(p.dirs, h)
	dir, err := p.root.Open(name)
	if err != nil {
		p.report(name, err)
		return nil
	}
	info, err := dir.Stat()
	if p.Follow && err == nil {
		p.above = append(p.above, info)
		defer func() { p.above = p.above[:len(p.above)-1] }()
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	if err != nil {
		p.report(name, err)
	}
	for _, base := range names {
		if err := p.pack(path.Join(name, base)); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) packFile(name string, info fs.FileInfo, h *tar.Header) error {
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	id, known := identify(info)
	if first, ok := p.seen[id.file()]; known && ok {
		h.Typeflag, h.Size, h.Linkname = tar.TypeLink, 0, first
		return p.tar.WriteHeader(h)
	}
	if known && id.links > 1 {
		p.seen[id.file()] = h.Name
	}
	if p.skip != nil && p.skip(name) {
		p.count(info.Size())
		return nil
	}
	file, err := p.root.Open(name)
	if err != nil {
		delete(p.seen, id.file())
		p.report(name, err)
		return nil
	}
	defer func() { _ = file.Close() }()
	if now, err := file.Stat(); err != nil || !os.SameFile(now, info) {
		delete(p.seen, id.file())
		p.report(name, errChanged)
		return nil
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, &counted{io.LimitReader(file, h.Size), p.count})
	if n < h.Size {
		// What was announced has to come; a file that is not whole is worse than none.
		return errors.Join(&fs.PathError{Op: "read", Path: name, Err: errChanged}, err)
	}
	if err != nil {
		return err
	}
	if now, err := file.Stat(); err != nil || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		p.report(name, errChanged)
	}
	return nil
}

// identity is what only some systems know of a file.
type identity struct {
	dev, ino, links uint64
	uid, gid        uint32
}

func (i identity) file() identity { return identity{dev: i.dev, ino: i.ino} }
