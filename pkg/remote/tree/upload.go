// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"context"
	"crypto/sha1" //nolint:gosec // against damage, not against attacks: busybox has processor instructions for it
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// How many bytes go with one length, about: verb_put starts processes for each, and has those of an archive beside what is in it.
const (
	fileFrame = 3 << 20
	treeFrame = 2 << 20
)

// frames is the payload of verb_put: lengths and bytes, some of them packed, and at the end the sum of all bytes. One frame is on
// its way while the next is filled.
type frames struct {
	ctx         context.Context //nolint:containedctx // of the transmission
	answer      *remote.Answer
	hash        hash.Hash
	held, spare []byte
	enough      int // bytes for a frame
	up          *packing
	sent        chan error // of the frame that is on its way
	err         error      // why nothing more is to be sent
}

func newFrames(ctx context.Context, a *remote.Answer, up *packing) *frames {
	return &frames{ctx: ctx, answer: a, up: up, hash: sha1.New()} //nolint:gosec // see above
}

// Write collects bytes. It is for who calls it to flush.
func (f *frames) Write(p []byte) (int, error) {
	if f.held == nil {
		f.held = make([]byte, 0, f.enough+256<<10)
	}
	f.held = append(f.held, p...)
	return len(p), nil
}

// full sends what was collected once that is enough.
func (f *frames) full() error {
	if len(f.held) < f.enough {
		return f.err
	}
	return f.flush()
}

func (f *frames) flush() error {
	if len(f.held) == 0 {
		return f.err
	}
	_, _ = f.hash.Write(f.held)
	if err := f.wait(); err != nil {
		return err
	}
	frame, sent := f.held, make(chan error, 1)
	f.held, f.spare, f.sent = f.spare, frame[:0], sent
	crash.Go(f.ctx, func() {
		defer close(sent)
		sent <- f.frame(frame)
	})
	return nil
}

func (f *frames) frame(frame []byte) error {
	head, body := fmt.Appendf(nil, "%d\n", len(frame)), frame
	if small, ok := f.up.frame(frame); ok {
		head, body = fmt.Appendf(nil, "z%d %d\n", len(small), len(frame)), small
	}
	began := time.Now()
	err := f.answer.Send(head, body)
	f.up.went(len(body), time.Since(began))
	return err
}

// wait waits for the frame that is on its way.
func (f *frames) wait() error {
	if f.sent != nil && f.err == nil {
		f.err = <-f.sent
	}
	f.sent = nil
	return f.err
}

// send sends a line behind all that was collected.
func (f *frames) send(line []byte) error {
	if err := errors.Join(f.flush(), f.wait()); err != nil {
		return f.err
	}
	f.err = f.answer.Send(line)
	return f.err
}

// hole makes the file that is written n bytes long.
func (f *frames) hole(n int64) error { return f.send(fmt.Appendf(nil, "hole %d\n", n)) }

func (f *frames) close() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.send(fmt.Appendf(nil, "0\n%x\n", f.hash.Sum(nil)))
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
	_, _ = u.frames.Write(p)
	return u.frames.full()
}

// Done is transfer's.
func (u *fileUpload) Done(_ int, size int64, err error) error {
	if u.err, u.size = err, size; err == nil && size > max(u.at, u.part.From) {
		return u.frames.hole(size)
	}
	return nil
}

func (u *fileUpload) begin(f *frames) { u.frames, f.enough = f, fileFrame }
func (u *fileUpload) close() error    { return nil }
func (u *fileUpload) result() []error { return []error{u.err} }

// A treeUpload is some files in their order: each frame is an archive. GNU's format holds sizes and owners of any length, which busybox reads in no
// other one.
type treeUpload struct {
	stage  *stage
	parts  []transfer.Part
	errs   []error
	frames *frames
	out    *tar.Writer
	next   int   // the first part without a header
	left   int64 // of the one before it
	final  bool
}

func newTreeUpload(s *stage, parts []transfer.Part) *treeUpload {
	return &treeUpload{stage: s, parts: parts, errs: make([]error, len(parts))}
}

func (u *treeUpload) begin(f *frames) { u.frames, u.out, f.enough = f, tar.NewWriter(f), treeFrame }

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
		if err := errors.Join(u.pad(), u.out.Flush(), u.frames.full()); err != nil {
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

// inStage is a path of the copy as the stage has it. busybox makes each directory on the way for each file, "." too.
func inStage(name string) string {
	if name == "." {
		return "t"
	}
	return "t/" + name
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
