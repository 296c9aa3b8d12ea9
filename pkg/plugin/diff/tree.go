// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// A diffTree lists and reads one of the two. Names are relative, "." is where it begins.
type diffTree struct {
	transfer.Reader
	session *session.Session // nil on this machine
	root    *rootfs.Root
	failed  rootfs.TreeError
}

// errTooLarge says that a file is longer than its reader wants.
var errTooLarge = errors.New("too large")

// list opens a side, and fills in its top and its listing.
func (t *diffTree) list(ctx context.Context, s *side, opts *diffOptions) error {
	from := localfs.Tree()
	if t.session != nil {
		var err error
		if t.root, err = t.session.Dial(ctx, s.end.pid); err != nil {
			return t.describe(ctx, s, err)
		}
		files.SayPartial(s.deps, t.session, t.root)
		if s.end.path, err = t.root.Absolute(ctx, s.end.path); err != nil {
			return t.describe(ctx, s, err)
		}
		if from = tree.Source(t.root, tree.PackAuto); opts.image {
			from = tree.OwnFiles(t.root)
		}
	}
	start, err := from.Stat(ctx, s.end.path, !s.end.image)
	if s.end.image && errors.Is(err, fs.ErrNotExist) {
		s.top = s.end.path
		return nil // all of it was added
	}
	if err != nil {
		return t.describe(ctx, s, err)
	}
	if s.top = start.Path; t.session == nil {
		s.top = s.end.path
	}
	if t.Reader, err = from.Open(ctx, start.Path); err != nil {
		return t.describe(ctx, s, err)
	}
	for f, err := range t.List(ctx) {
		if err != nil {
			return t.describe(ctx, s, err)
		}
		t.add(s, f)
	}
	return nil
}

// add puts a file into a side's listing.
func (t *diffTree) add(s *side, f transfer.File) {
	_, listed := s.list.Files[f.Path]
	op := "lstat"
	switch {
	case f.Err == nil:
		s.list.Files[f.Path] = comparedFile(f)
		if t.session == nil {
			s.files[f.Path] = f
		}
		return
	case listed || f.Mode.IsDir():
		op, s.list.Closed[f.Path] = "open", true
		if !listed {
			s.list.Files[f.Path] = comparedFile(f)
		}
	case !errors.Is(f.Err, fs.ErrNotExist):
		s.list.Files[f.Path] = diff.File{Unknown: true}
	}
	if t.failed.Count++; t.failed.Count <= files.FailuresShown {
		t.failed.Failures = append(t.failed.Failures, &fs.PathError{Op: op, Path: s.absolute(f.Path), Err: f.Err})
	}
}

func comparedFile(f transfer.File) diff.File {
	file := diff.File{Mode: f.Mode, Size: f.Size, Mtime: f.Mtime, UID: f.UID, GID: f.GID, Target: f.Target}
	if f.Mode&fs.ModeDevice != 0 && f.Rdev != [2]uint32{} {
		file.Device = fmt.Sprintf("%d,%d", f.Rdev[0], f.Rdev[1])
	}
	return file
}

// describe says of which side an error is.
func (t *diffTree) describe(ctx context.Context, s *side, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case t.session == nil:
		return fmt.Errorf("read %s: %w", remote.Escape(s.end.path), err)
	}
	return files.PathError(ctx, t.session, s.end.pid, t.root, &fs.PathError{Op: "open", Path: s.end.path, Err: err})
}

// missing says what could not be listed.
func (t *diffTree) missing(s *side) error {
	switch {
	case t.failed.Count == 0:
		return nil
	case t.session == nil:
		return files.NewPartError(files.PartText(remote.Escape(s.end.path), t.failed.Failures, t.failed.Count), &t.failed)
	}
	return files.Partly(t.session, &t.failed)
}

// sum fills in the checksums of a side; a file that cannot be read is left out with its reason.
func (t *diffTree) sum(ctx context.Context, s *side, names []string) error {
	note := func(name string, sum [32]byte, err error) {
		if err != nil {
			s.reasons[name] = err
		} else {
			s.sums[name] = sum
		}
	}
	if t.session != nil {
		sizes := map[string]int64{}
		for _, name := range names {
			sizes[name] = s.list.Files[name].Size
		}
		return t.describe(ctx, s, rootfs.SumFiles(ctx, t.root, s.top, sizes, note))
	}
	for _, name := range names {
		h := summed{Hash: sha256.New()}
		if err := t.Read(ctx, []transfer.Part{{File: s.files[name]}}, &h); err != nil {
			return t.describe(ctx, s, err)
		}
		note(name, [32]byte(h.Sum(nil)), h.err)
	}
	return nil
}

// summed is the checksum of one file.
type summed struct {
	hash.Hash
	at  int64
	err error
}

// Data sums up holes too.
func (h *summed) Data(_ int, offset int64, p []byte) error {
	h.zeros(offset)
	_, _ = h.Write(p)
	h.at += int64(len(p))
	return nil
}

func (h *summed) zeros(until int64) {
	for zeros := make([]byte, 32<<10); h.at < until; {
		n := min(until-h.at, int64(len(zeros)))
		_, _ = h.Write(zeros[:n])
		h.at += n
	}
}

// Done keeps what is wrong with the file.
func (h *summed) Done(_ int, size int64, err error) error {
	h.zeros(size)
	h.err = err
	return nil
}

// read gives a file's bytes, errTooLarge where there are more than limit.
func (t *diffTree) read(ctx context.Context, s *side, name string, limit int) ([]byte, error) {
	from := localfs.Tree()
	if t.session != nil {
		from = tree.Source(t.root, tree.PackAuto)
	}
	path := s.absolute(name)
	var b contents
	b.limit = limit
	f, err := from.Stat(ctx, path, false)
	if err == nil {
		f.Path = name
		err = t.Read(ctx, []transfer.Part{{File: f}}, &b)
	}
	if err = errors.Join(err, b.err); errors.Is(err, errTooLarge) {
		return nil, errTooLarge
	}
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	switch {
	case err == nil, ctx.Err() != nil:
		return b.Bytes(), err
	case t.session == nil:
		return nil, fmt.Errorf("read %s: %w", remote.Escape(path), err)
	}
	return nil, files.PathError(ctx, t.session, s.end.pid, t.root, &fs.PathError{Op: "open", Path: path, Err: err})
}

// contents are the bytes of one file.
type contents struct {
	bytes.Buffer
	limit int
	err   error
}

// Data takes no more than the limit.
func (c *contents) Data(_ int, offset int64, p []byte) error {
	if offset+int64(len(p)) > int64(c.limit) {
		return errTooLarge
	}
	c.Write(make([]byte, int(offset)-c.Len()))
	c.Write(p)
	return nil
}

// Done keeps what is wrong with the file.
func (c *contents) Done(_ int, _ int64, err error) error {
	c.err = err
	return nil
}

// absolute is where a name of the listing is.
func (s *side) absolute(name string) string {
	if name == "." {
		return s.top
	}
	return strings.TrimSuffix(s.top, "/") + "/" + name
}
