// SPDX-License-Identifier: Apache-2.0

package local

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// ErrSocket says that a file is of the one kind that an archive can't hold.
var ErrSocket = errors.New("is a socket: an archive can't hold it")

// spoolLimit is the size up to which a file waits on this machine until it is known to be right. A longer one goes out
// while it comes, and what went out can't be taken back.
const spoolLimit = 32 << 20

// An Archive writes what is copied as a tar archive: it is a procfs.Sink. Names are from the target's root, without a
// slash in front. Links, hard links, devices and FIFOs are kept, with all modes and owners by number.
//
// The format is PAX (POSIX 1003.1-2001), which GNU tar, bsdtar, Docker and Python read, and which has room for any
// number and for fractions of seconds. busybox's tar skips its records, so that there long names are cut: GNU is for
// that, with whole seconds.
//
// Directories come last, the inner ones first: GNU tar gives a directory its mode and time as soon as something else
// follows, and what is put into it later would change the time, or fail.
//
// No file in it looks whole that is not. Up to 32 MiB it is left out instead. A longer one is filled up with zeros, so
// that the rest can follow, and then, as after every other error, the archive ends in the middle of a header, which
// every reader reports.
type Archive struct {
	Options
	GNU bool

	out    *bufio.Writer
	tar    *tar.Writer
	top    string
	file   bool
	dirs   []heldDir
	inodes map[[2]uint64]string // names of files that have several
	spool  spool
	copied []byte // a buffer
	broken string // the last file that is not whole
	spoilt bool   // there is one
	owed   int64  // what a header has announced and nobody sent
}

// A heldDir is all that is kept of a directory: there may be many.
type heldDir struct {
	name           string
	mode, uid, gid uint32
	mtime          time.Time
}

// NewArchive returns an Archive that writes to w. Close it.
func NewArchive(w io.Writer, gnu bool, o Options) *Archive {
	out := bufio.NewWriterSize(w, 256<<10)
	return &Archive{Options: o, GNU: gnu, out: out, tar: tar.NewWriter(out), inodes: map[[2]uint64]string{}, copied: make([]byte, 64<<10)}
}

// Begin remembers what names begin with.
func (a *Archive) Begin(found procfs.Found) error {
	if path.Clean("/"+found.Path) != found.Path {
		return fmt.Errorf("read answer of helper: path %q", found.Path)
	}
	a.top, a.file = found.Path[1:], !found.Info.IsDir()
	return nil
}

// Failed reports.
func (a *Archive) Failed(name string, err error) {
	if a.spoilt && name == a.broken {
		if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
			err = cause.Err
		}
		err = fmt.Errorf("%w; what the archive has of it is not whole", err)
	}
	a.Report(name, err)
}

// Entry writes what has no content.
func (a *Archive) Entry(name string, s *procfs.Stat) error {
	h := a.header(name, s)
	switch mode := s.FileMode(); mode.Type() {
	case fs.ModeDir:
		a.dirs = append(a.dirs, heldDir{name, s.Mode, s.UID, s.GID, s.Mtime})
		return nil
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, s.LinkTarget
	case fs.ModeNamedPipe:
		h.Typeflag = tar.TypeFifo
	case fs.ModeDevice:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, int64(s.RdevMajor), int64(s.RdevMinor)
	case fs.ModeDevice | fs.ModeCharDevice:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, int64(s.RdevMajor), int64(s.RdevMinor)
	case fs.ModeSocket:
		a.Report(name, ErrSocket)
		return nil
	default:
		a.Report(name, ErrKind)
		return nil
	}
	return a.write(h)
}

func (a *Archive) header(name string, s *procfs.Stat) *tar.Header {
	h := &tar.Header{
		Name: strings.TrimPrefix(a.top+"/"+name, "/"), Mode: int64(s.Mode & 0o7777), Uid: int(s.UID), Gid: int(s.GID),
		ModTime: s.Mtime, Format: tar.FormatPAX,
	}
	if name == "" {
		h.Name = a.top
	}
	if a.GNU {
		h.Format, h.ModTime = tar.FormatGNU, s.Mtime.Truncate(time.Second)
	}
	return h
}

// write writes a header, behind what the last one has announced.
func (a *Archive) write(h *tar.Header) error {
	if err := a.zeros(a.owed); err != nil {
		return err
	}
	a.owed = 0
	return a.tar.WriteHeader(h)
}

func (a *Archive) zeros(n int64) error {
	clear(a.copied)
	for n > 0 {
		part := min(n, int64(len(a.copied)))
		if _, err := a.tar.Write(a.copied[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// Create takes a regular file.
func (a *Archive) Create(name string, s *procfs.Stat) (procfs.Content, error) {
	if first, ok := a.inodes[inode(s)]; ok {
		return hardLinked{archive: a, name: name, first: first, stat: s}, nil
	}
	if s.Size > spoolLimit {
		h := a.header(name, s)
		h.Typeflag, h.Size = tar.TypeReg, s.Size
		return &streamed{archive: a, name: name, stat: s}, a.write(h)
	}
	a.spool.users++
	return &spooled{archive: a, name: name, stat: s}, nil
}

func inode(s *procfs.Stat) [2]uint64 { return [2]uint64{s.Dev, s.Ino} }

// Close ends the archive. Where it is not whole its end says so.
func (a *Archive) Close(whole bool) error {
	a.spool.close()
	if whole {
		if err := a.writeDirs(); err != nil {
			return err
		}
	}
	switch {
	case whole && !a.spoilt:
		if err := a.tar.Close(); err != nil {
			return err
		}
	case a.owed == 0:
		if err := a.tar.Flush(); err != nil {
			return err
		}
		if _, err := a.out.Write(torn()); err != nil {
			return err
		}
	}
	return a.out.Flush()
}

func (a *Archive) writeDirs() error {
	for _, d := range slices.Backward(a.dirs) {
		h := a.header(d.name, &procfs.Stat{Mode: d.mode, UID: d.uid, GID: d.gid, Mtime: d.mtime})
		h.Typeflag = tar.TypeDir
		if h.Name += "/"; h.Name == "/" {
			h.Name = "./"
		}
		if err := a.write(h); err != nil {
			return err
		}
	}
	return nil
}

// torn is the header of an extended header, of which nothing follows. A bad block would do for most readers, but Python
// and others take it for the end, as some take a missing end for one.
func torn() []byte {
	var b bytes.Buffer
	// It can't fail: everything in it has room.
	_ = tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "not-whole", Size: 512, Mode: 0o600, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR})
	block := b.Bytes()
	block[156] = tar.TypeXHeader
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

// A streamed file goes out while it comes.
type streamed struct {
	archive *Archive
	name    string
	stat    *procfs.Stat
	at      int64
	long    bool
}

func (c *streamed) Write(p []byte) (int, error) {
	n := len(p)
	if left := c.stat.Size - c.at; int64(n) > left {
		c.long, p = true, p[:left]
	}
	c.at += int64(len(p))
	c.archive.count(n)
	_, err := c.archive.tar.Write(p)
	return n, err
}

func (c *streamed) Skip(n int64) error {
	if left := c.stat.Size - c.at; n > left {
		c.long, n = true, left
	}
	c.at += n
	return c.archive.zeros(n)
}

func (c *streamed) Commit() error {
	if c.long || c.at != c.stat.Size {
		c.Abort()
		c.archive.Failed(c.name, errChanged)
		return nil
	}
	if c.stat.Nlink > 1 {
		c.archive.inodes[inode(c.stat)] = c.archive.header(c.name, c.stat).Name
	}
	return nil
}

func (c *streamed) Abort() {
	a := c.archive
	a.owed, a.broken, a.spoilt = c.stat.Size-c.at, c.name, true
}

// A hardLinked file is there already under another name: what comes of it is not needed.
type hardLinked struct {
	archive     *Archive
	name, first string
	stat        *procfs.Stat
}

func (c hardLinked) Write(p []byte) (int, error) { return len(p), nil }

func (c hardLinked) Skip(int64) error { return nil }

func (c hardLinked) Commit() error {
	h := c.archive.header(c.name, c.stat)
	h.Typeflag, h.Linkname = tar.TypeLink, c.first
	return c.archive.write(h)
}

func (c hardLinked) Abort() {}

func (a *Archive) count(n int) {
	if a.Progress != nil {
		a.Progress(int64(n))
	}
}
