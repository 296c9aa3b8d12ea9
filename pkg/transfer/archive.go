// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"
)

// An archive is a Tree that is written as a tar archive, with links, hard links, devices, FIFOs, modes and owners by number.
//
// The format is PAX, which GNU tar, bsdtar and Python read. busybox's tar skips its records: GNU is for that, with times in
// whole seconds. Directories come last, the inner ones first: what comes into one later changes its time, or fails.
//
// No file in it looks whole that is not. After a longer file that is not, and after any error, it ends in the middle of a
// header, which every reader reports.
type archive struct {
	gnu        bool
	top        string
	limit      int64 // of a file that waits here until it is right; a longer one goes out while it comes, and stays
	out        *bufio.Writer
	tar        *tar.Writer
	spool      *os.File
	held       []held
	big        *big
	incomplete bool // a file in it is not whole
	whole      bool
}

// A held is a file that went out.
type held struct {
	path string
	mode fs.FileMode
	size int64
}

// A big is a file that goes out while it comes.
type big struct {
	Part
	*flow
}

// NewArchive is where a copy of what is at a physical path, which is its Dest too, becomes an archive.
func NewArchive(w io.Writer, gnu bool, path string) Tree {
	out := bufio.NewWriterSize(w, 256<<10)
	return &archive{gnu: gnu, top: path, limit: 32 << 20, out: out, tar: tar.NewWriter(out)}
}

// Stat knows of directories only, and that there is no path yet.
func (a *archive) Stat(_ context.Context, path string, _ bool) (File, error) {
	if path == a.top && path != "/" {
		return File{}, fs.ErrNotExist
	}
	return File{Path: path, Mode: fs.ModeDir}, nil
}

func (a *archive) Open(context.Context, string) (Reader, error) { return nil, fs.ErrNotExist }

func (a *archive) Stage(context.Context, string, string, bool) (Stage, error) {
	return &archiveStage{archive: a}, nil
}

func (a *archive) header(f File) *tar.Header {
	mode := int64(f.Mode.Perm())
	for i, bit := range []fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if f.Mode&bit != 0 {
			mode |= 0o1000 << i
		}
	}
	h := &tar.Header{
		Name: strings.TrimPrefix(join(a.top, f.Path), "/"), Mode: mode, Uid: int(f.UID), Gid: int(f.GID), ModTime: f.Mtime, Format: tar.FormatPAX,
	}
	if a.gnu {
		h.Format, h.ModTime = tar.FormatGNU, f.Mtime.Truncate(time.Second)
	}
	return h
}

// write writes a file without its contents.
func (a *archive) write(part Part) error {
	h := a.header(part.File)
	switch kind := part.Mode.Type(); {
	case part.Link != "":
		h.Typeflag, h.Linkname = tar.TypeLink, a.header(File{Path: part.Link}).Name
	case kind == 0:
		h.Typeflag, h.Size = tar.TypeReg, part.Size
	case kind == fs.ModeDir:
		if h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"; h.Name == "/" {
			h.Name = "./"
		}
	case kind == fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, part.Target
	case kind == fs.ModeNamedPipe:
		h.Typeflag = tar.TypeFifo
	case kind&fs.ModeDevice != 0:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, int64(part.Rdev[0]), int64(part.Rdev[1])
		if kind&fs.ModeCharDevice != 0 {
			h.Typeflag = tar.TypeChar
		}
	default:
		return ErrKind
	}
	if err := a.give(); err != nil {
		return err
	}
	return a.tar.WriteHeader(h)
}

// give writes zeros for the rest of a file that did not come, so that others can follow.
func (a *archive) give() error {
	if a.big == nil {
		return nil
	}
	a.incomplete = true
	err := a.big.zeros(a.big.Size)
	a.big = nil
	return err
}

// An archiveStage holds nothing back but the files of a batch.
type archiveStage struct {
	*archive
	parts []Part
	start []int64 // in the spool
	right []bool
}

// List is what went out.
func (s *archiveStage) List(context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for _, h := range s.held {
			if !yield(File{Path: h.path, Mode: h.mode, Size: h.size}, nil) {
				return
			}
		}
		if s.big != nil {
			yield(File{Path: s.big.Path, Size: s.big.at}, nil)
		}
	}
}

// Sum is of what went out of the file that is on its way.
func (s *archiveStage) Sum(_ context.Context, parts []Part) ([]Sum, error) {
	sums := slices.Repeat([]Sum{{Err: ErrOnce}}, len(parts))
	for i, part := range parts {
		if s.big != nil && s.big.Path == part.Path {
			sums[i] = s.big.known(part)
		}
	}
	return sums, nil
}

func (s *archiveStage) Read(context.Context, []Part, Receiver) error { return ErrOnce }

// Put writes a batch once all of it has come.
func (s *archiveStage) Put(_ context.Context, parts []Part, fill func(Receiver) error) ([]error, error) {
	s.parts, s.start, s.right = slices.Clone(parts), make([]int64, len(parts)), make([]bool, len(parts))
	if len(parts) == 1 && parts[0].Size > s.limit && parts[0].HasContents() {
		return s.stream(parts[0], fill)
	}
	size := int64(0)
	for i, part := range parts {
		if s.start[i] = size; part.HasContents() {
			size += max(0, part.Size)
		}
	}
	if err := errors.Join(s.openSpool(size), fill(s)); err != nil {
		return nil, err
	}
	errs, buffer := make([]error, len(parts)), make([]byte, bufferSize)
	for i, part := range s.parts {
		if part.Mode.IsDir() || part.HasContents() && !s.right[i] {
			continue
		}
		err := s.write(part)
		if err == nil && part.HasContents() {
			_, err = io.CopyBuffer(s.tar, io.NewSectionReader(s.spool, s.start[i], part.Size), buffer)
		}
		if errors.Is(err, ErrKind) {
			errs[i] = err
		} else if err != nil {
			return nil, err
		} else {
			s.held = append(s.held, held{part.Path, part.Mode, part.Size})
		}
	}
	return errs, nil
}

// openSpool makes a file of zeros that nobody else finds, where the system can.
func (a *archive) openSpool(size int64) (err error) {
	if a.spool == nil {
		if a.spool, err = os.CreateTemp("", "shareproc-"); err != nil {
			return err
		}
		_ = os.Remove(a.spool.Name())
	}
	return errors.Join(a.spool.Truncate(0), a.spool.Truncate(size))
}

// stream writes a file while it comes, or goes on with it.
func (s *archiveStage) stream(part Part, fill func(Receiver) error) ([]error, error) {
	if s.big == nil || s.big.Path != part.Path || s.big.at != part.From {
		if part.From > 0 {
			return nil, ErrOnce
		}
		if err := s.write(part); err != nil {
			return nil, err
		}
		s.big = &big{part, newFlow(s.tar)}
	}
	if err := fill(s); err != nil {
		return nil, err
	}
	if s.right[0] {
		s.big, s.held = nil, append(s.held, held{part.Path, part.Mode, part.Size})
		return nil, nil
	}
	return []error{fmt.Errorf("%w; its entry in the archive is incomplete", ErrChanged)}, s.give()
}

func (s *archiveStage) Data(i int, offset int64, p []byte) error {
	if s.big == nil {
		_, err := s.spool.WriteAt(p, s.start[i]+offset)
		return err
	}
	return s.big.data(offset, p)
}

func (s *archiveStage) Done(i int, size int64, err error) error {
	if s.parts[i].Size < 0 {
		s.parts[i].Size = size // a kernel file, which is sent alone
	}
	if s.right[i] = err == nil && size == s.parts[i].Size; s.right[i] && s.big != nil {
		return s.big.zeros(size)
	}
	return nil
}

func (s *archiveStage) Remove(context.Context, []string) error { return nil }

// Commit writes the directories, and the end.
func (s *archiveStage) Commit(_ context.Context, directories []File, _ []Move) ([]error, error) {
	if err := s.give(); err != nil {
		return nil, err
	}
	for _, d := range slices.Backward(directories) {
		if err := s.write(Part{File: d}); err != nil {
			return nil, err
		}
	}
	if s.whole = !s.incomplete; s.whole {
		return nil, errors.Join(s.tar.Close(), s.out.Flush())
	}
	return nil, nil
}

// Close ends an archive that is not whole so that no reader takes it for one.
func (s *archiveStage) Close(context.Context, bool) (err error) {
	if s.spool != nil {
		_ = s.spool.Close()
		_ = os.Remove(s.spool.Name()) // not every system removes the name of an open file
	}
	if s.whole {
		return nil
	}
	if s.big == nil {
		if err = s.tar.Flush(); err == nil {
			_, err = s.out.Write(truncatedHeader())
		}
	}
	return errors.Join(err, s.out.Flush())
}

// truncatedHeader is the header of an extended header, of which nothing follows. A bad block would do for most readers, but Python
// and others take it for the end, as some take a missing end for one.
func truncatedHeader() []byte {
	var b bytes.Buffer
	// It cannot fail: everything in it fits.
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
