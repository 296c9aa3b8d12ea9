// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"archive/tar"
	"crypto/sha1" //nolint:gosec // against damage, not against attacks: busybox has processor instructions for it
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// How many bytes go with one length: verb_put starts processes for each, and tar waits for the whole of it.
const (
	fileFrame = 4 << 20
	treeFrame = 1 << 20
)

// frames is the payload of verb_put: lengths and bytes, and at the end the sum of all bytes.
type frames struct {
	link *link
	hash hash.Hash
	held []byte
	err  error // why nothing more is to be sent
}

func newFrames(l *link) *frames {
	return &frames{link: l, hash: sha1.New()} //nolint:gosec // see above
}

// Write collects bytes to a frame.
func (f *frames) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := min(len(p), cap(f.held)-len(f.held))
		f.held, p = append(f.held, p[:part]...), p[part:]
		if len(f.held) == cap(f.held) {
			if err := f.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (f *frames) flush() error {
	if len(f.held) == 0 {
		return nil
	}
	_, _ = f.hash.Write(f.held)
	err := f.send(fmt.Appendf(nil, "%d\n", len(f.held)), f.held)
	f.held = f.held[:0]
	return err
}

func (f *frames) send(parts ...[]byte) error {
	f.err = unsent(f.link, f.link.write(parts...))
	return f.err
}

// hole makes the file that is written n bytes long.
func (f *frames) hole(n int64) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.send(fmt.Appendf(nil, "hole %d\n", n))
}

func (f *frames) close() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.send(fmt.Appendf(nil, "0\n%x\n", f.hash.Sum(nil)))
}

// errAnswered ends what is sent: the other side has answered, and takes nothing more.
var errAnswered = errors.New("answered")

// unsent says why nothing more is to be sent.
func unsent(l *link, err error) error {
	l.mu.Lock()
	answer := l.current
	l.mu.Unlock()
	select {
	case <-answer.done:
		if _, marked := answer.result(); marked {
			return errAnswered
		}
		return &BrokenError{Cause: err}
	default:
	}
	if err != nil && !isBroken(err) {
		return &BrokenError{Cause: err}
	}
	return err
}

// A fileUpload is one file.
type fileUpload struct {
	stage  *stage
	part   transfer.Part
	frames *frames
	at     int64
	size   int64
	err    error
}

// Data is transfer's.
func (u *fileUpload) Data(_ int, offset int64, p []byte) error {
	if u.at == 0 {
		u.at = u.part.From
	}
	if offset > u.at {
		if err := u.frames.hole(offset); err != nil {
			return err
		}
	}
	u.at = offset + int64(len(p))
	_, err := u.frames.Write(p)
	return err
}

// Done is transfer's.
func (u *fileUpload) Done(_ int, size int64, err error) error {
	if u.err, u.size = err, size; err == nil && size > max(u.at, u.part.From) {
		return u.frames.hole(size)
	}
	return nil
}

func (u *fileUpload) begin(f *frames) { u.frames, f.held = f, make([]byte, 0, fileFrame) }
func (u *fileUpload) close() error    { return nil }
func (u *fileUpload) result() []error { return []error{u.err} }

// A treeUpload is an archive of some files, in their order. GNU's format holds sizes and owners of any length, which busybox reads in no
// other one.
type treeUpload struct {
	stage *stage
	parts []transfer.Part
	errs  []error
	out   *tar.Writer
	next  int   // the first part without a header
	left  int64 // of the one before it
	final bool
}

func newTreeUpload(s *stage, parts []transfer.Part) *treeUpload {
	return &treeUpload{stage: s, parts: parts, errs: make([]error, len(parts))}
}

func (u *treeUpload) begin(f *frames) {
	f.held = make([]byte, 0, treeFrame)
	u.out = tar.NewWriter(f)
}

// Data is transfer's.
func (u *treeUpload) Data(i int, offset int64, p []byte) error {
	if err := u.upTo(i + 1); err != nil {
		return err
	}
	// A small hole is sent as it is.
	for gap := offset - (u.parts[i].Size - u.left); gap > 0; {
		n, err := u.out.Write(make([]byte, min(gap, 64<<10)))
		if gap, u.left = gap-int64(n), u.left-int64(n); err != nil {
			return err
		}
	}
	n, err := u.out.Write(p)
	u.left -= int64(n)
	return err
}

// Done is transfer's.
func (u *treeUpload) Done(i int, _ int64, err error) error {
	u.errs[i] = err
	return nil
}

// upTo writes the headers of all parts before n, and fills up what did not come.
func (u *treeUpload) upTo(n int) error {
	for u.next < n {
		if err := u.pad(); err != nil {
			return err
		}
		f := u.parts[u.next]
		u.next++
		header, ok := u.header(f)
		if !ok {
			u.errs[u.next-1] = transfer.ErrKind
			continue
		}
		if err := u.out.WriteHeader(header); err != nil {
			u.errs[u.next-1] = err
			continue
		}
		u.left = header.Size
	}
	return nil
}

func (u *treeUpload) pad() error {
	for u.left > 0 {
		n, err := u.out.Write(make([]byte, min(u.left, 32<<10)))
		if u.left -= int64(n); err != nil {
			return err
		}
	}
	return nil
}

func (u *treeUpload) header(f transfer.Part) (*tar.Header, bool) {
	user, group := u.stage.owner(f.File)
	h := &tar.Header{
		Name: inStage(f.Path), Mode: int64(u.stage.mode(f.File)), Uid: int(user), Gid: int(group), ModTime: f.Mtime.Truncate(time.Second), Format: tar.FormatGNU,
	}
	switch f.Mode.Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, f.Size
		if f.Link != "" {
			h.Typeflag, h.Size, h.Linkname = tar.TypeLink, 0, inStage(f.Link)
		}
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		if !u.final {
			h.Mode |= 0o700
		}
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Target
	default:
		return nil, false
	}
	return h, true
}

// inStage is a path of the copy as the stage has it.
func inStage(name string) string {
	if name == "." {
		return "./t"
	}
	return "./t/" + name
}

func (u *treeUpload) close() error {
	if err := u.upTo(len(u.parts)); err != nil {
		return err
	}
	if err := u.pad(); err != nil {
		return err
	}
	return u.out.Close()
}

func (u *treeUpload) result() []error { return u.errs }
