// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A stage is a directory in the target that is private to us, for what is on its way there.
type stage struct {
	*reader
	tree    tree
	id      string // what it is called until another connection takes it over
	times   int    // that one has
	release func() // it is not to be taken over any more
	owners
}

// Stage is transfer's.
func (t tree) Stage(ctx context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	s := &stage{tree: t, id: id, owners: owners{preserve: preserve, target: &t.root.Process}}
	s.reader = &reader{Place: &rootfs.Place{Root: t.root, Start: directory, Within: id}, packings: t.packings}
	// An earlier copy that was interrupted may still write, if one has left something.
	err := t.root.Ask(ctx, "write", directory, s.Request("stage", nil, id, t.grace, t.root.Where.Scope), s.read)
	if errors.Is(err, remote.ErrNotOurs) {
		s.Within = id + "~"
		err = t.root.Ask(ctx, "write", directory, s.Request("stage", nil, s.Within, t.grace, t.root.Where.Scope), s.read)
	}
	if err != nil {
		return nil, translated(why(t.root, directory, err))
	}
	s.release = t.root.Reclaim(s.claim)
	return s, nil
}

func nothing(*remote.Answer) error { return nil }

// why is the error about a path that could not be written, where its mount is why.
func why(r *rootfs.Root, file string, err error) error {
	refused := errors.Is(err, remote.ErrWrite) || errors.Is(err, fs.ErrPermission)
	switch {
	case refused && r.Mounts.Of(file).ReadOnly:
		return remote.ErrReadOnly
	case refused && r.Mounts.IsPoint(file):
		return remote.ErrMounted
	}
	return err
}

// claim takes a stage over to a new connection.
func (s *stage) claim(ctx context.Context, l *remote.Link) error {
	former := s.Within
	// A stage for another copy keeps its name; who waits to take another one away knows it by the old one.
	if s.times++; !strings.HasSuffix(s.id, ".partial") {
		s.Within = fmt.Sprint(s.id, "-", s.times)
	}
	q := remote.Request{Verb: "stage", Args: []string{s.Start, s.Within, former, s.tree.grace, s.Root.Where.Scope}}
	_, err := l.Ask(ctx, q, s.read)
	return err
}

// A payload is what a Put sends.
type payload interface {
	transfer.Receiver
	begin(f *frames)
	close() error
	result() []error
}

// Put implements transfer.Stage. A single file can be resumed; several are sent as an archive.
func (s *stage) Put(ctx context.Context, parts []transfer.Part, fill func(transfer.Receiver) error) ([]error, error) {
	var out payload = newTreeUpload(s, parts)
	q := s.archive()
	if len(parts) == 1 && parts[0].Mode.IsRegular() && parts[0].Link == "" {
		f := parts[0]
		owner := ""
		if s.owns() {
			user, group := s.owner(f.File)
			owner = fmt.Sprintf("%d:%d", user, group)
		}
		q = s.Request("put", nil, "file", f.Path, strconv.FormatInt(f.From, 10), fmt.Sprintf("%o", s.mode(f.File)),
			strconv.FormatInt(f.Mtime.Unix(), 10), owner)
		out = &fileUpload{stage: s, part: f}
	}
	length, err := s.transmit(ctx, q, out, fill)
	errs := out.result()
	if fileError, other := rootfs.Cause(ctx, err); other != nil {
		return errs, other
	} else if fileError != nil {
		if errors.Is(fileError, remote.ErrOwner) && len(parts) == 1 {
			return []error{transfer.ErrOwner}, nil
		}
		return errs, translated(err)
	}
	if f, ok := out.(*fileUpload); ok && errs[0] == nil && strings.TrimSpace(length) != strconv.FormatInt(f.size, 10) {
		errs[0] = transfer.ErrDamaged
	}
	return s.settle(ctx, parts, errs)
}

// archive is the request that takes a tree.
func (s *stage) archive() remote.Request {
	if s.owns() {
		return s.Request("put", nil, "tree", "--numeric-owner")
	}
	return s.Request("put", nil, "tree", "-o")
}

// transmit sends what fill gives, and returns how long the helper says that a file is.
func (s *stage) transmit(ctx context.Context, q remote.Request, out payload, fill func(transfer.Receiver) error) (length string, err error) {
	q.Payload = true
	err = s.Root.Ask(ctx, "write", s.Start, q, func(b *remote.Answer) error {
		first, err := b.ReadByte()
		if err != nil || first != 'r' && first != 'z' {
			return remote.Unexpected(err)
		}
		if s.packings.up.lacking = first == 'r'; s.packings.up.lacking && s.packings.up.mode == PackAlways {
			return &remote.MissingToolError{Tool: "gzip"}
		}
		frames := newFrames(ctx, b, &s.packings.up)
		out.begin(frames)
		err = fill(out)
		_ = frames.wait()
		switch {
		case frames.err != nil:
			return frames.err // why the other side takes no more is in its answer
		case err != nil:
			return rootfs.Called(err)
		}
		if err := errors.Join(out.close(), frames.close()); err != nil {
			return err
		}
		return b.Fields(&length)
	})
	return length, err
}

// settle takes away what did not come whole, and looks whether owners were kept.
func (s *stage) settle(ctx context.Context, parts []transfer.Part, errs []error) ([]error, error) {
	var bad []string
	for i, err := range errs {
		if err != nil && !errors.Is(err, transfer.ErrOwner) {
			bad = append(bad, parts[i].Path)
		}
	}
	if len(bad) > 0 {
		if err := s.Remove(ctx, bad); err != nil {
			return errs, err
		}
	}
	if !s.owns() || len(parts) == 1 && parts[0].Mode.IsRegular() {
		return errs, nil
	}
	return errs, s.checkOwners(ctx, parts, errs)
}

// Remove is transfer's.
func (s *stage) Remove(ctx context.Context, paths []string) error {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = rootfs.Sent(p)
	}
	for _, batch := range rootfs.Batches(names) {
		if err := s.Root.Ask(ctx, "write", s.Start, s.About("remove", batch), nothing); err != nil {
			return err
		}
	}
	return nil
}

// Commit is transfer's. All moves have their places below the same directory.
func (s *stage) Commit(ctx context.Context, directories []transfer.File, moves []transfer.Move) ([]error, error) {
	if err := s.finish(ctx, directories); err != nil {
		return nil, err
	}
	index := make(map[string]int, len(moves))
	var names []string
	errs := make([]error, len(moves))
	below := "."
	for i, m := range moves {
		if mountedFile(ctx, s.Root, path.Join(s.Start, m.To)) {
			errs[i] = remote.ErrMounted
			continue
		}
		index[rootfs.Sent(m.From)] = i
		names = append(names, rootfs.Sent(m.From))
		if m.From == "." {
			directory, base := path.Split(m.To)
			return errs, s.move(ctx, errs, moves, index, s.Request("commit", nil, path.Clean(directory), base, ""))
		}
		below = path.Clean(strings.TrimSuffix(m.To, m.From))
	}
	for _, batch := range rootfs.Batches(names) {
		if err := s.move(ctx, errs, moves, index, s.About("commit", batch, below, "")); err != nil {
			return errs, err
		}
	}
	return errs, nil
}

// mountedFile reports whether a file has something mounted on it, which the kernel would take off where another file takes its place.
func mountedFile(ctx context.Context, r *rootfs.Root, file string) bool {
	if !r.Mounts.IsPoint(file) {
		return false
	}
	info, err := r.Stat(ctx, file, false)
	return err == nil && !info.FileMode().IsDir()
}

// move has files moved, and notes for each that could not be why.
func (s *stage) move(ctx context.Context, errs []error, moves []transfer.Move, index map[string]int, q remote.Request) error {
	return s.Root.Ask(ctx, "write", s.Start, q, func(b *remote.Answer) error {
		for {
			if _, err := b.Peek(1); errors.Is(err, io.EOF) {
				return nil
			}
			var moved, text string
			if err := b.Fields(&moved, &text); err != nil {
				return err
			}
			i, ok := index[moved]
			code, err := remote.Number(text)
			if !ok || err != nil {
				return fmt.Errorf("read answer of helper: moved %.200q", moved)
			}
			errs[i] = translated(why(s.Root, path.Join(s.Start, moves[i].To), remote.CodeError(code)))
		}
	})
}

// finish gives directories their owner, mode and time, the inner ones first.
func (s *stage) finish(ctx context.Context, directories []transfer.File) error {
	if len(directories) == 0 {
		return nil
	}
	inner := make([]transfer.Part, 0, len(directories))
	for _, d := range slices.Backward(directories) {
		inner = append(inner, transfer.Part{File: d})
	}
	final := newTreeUpload(s, inner)
	final.final = true
	_, err := s.transmit(ctx, s.archive(), final, func(transfer.Receiver) error { return nil })
	return translated(err)
}

// Close is transfer's.
func (s *stage) Close(ctx context.Context, keep bool) error {
	s.release()
	if keep {
		return nil
	}
	return s.Root.Ask(ctx, "write", s.Start, s.Request("remove", nil, ""), nothing)
}
