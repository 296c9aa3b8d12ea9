// SPDX-License-Identifier: Apache-2.0

package remote

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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A stage is a directory in the target that is private to us, for what is on its way there.
type stage struct {
	*reader
	id    string
	name  string // id, or behind a connection that broke another one
	times int
	owners
}

// Stage is transfer's.
func (t tree) Stage(ctx context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	s := &stage{id: id, name: id, owners: owners{preserve: preserve, target: &t.root.Process}}
	s.reader = &reader{root: t.root, start: directory, stage: s}
	// An earlier copy that was interrupted may still write, if one has left something.
	err := t.root.call(ctx, "write", directory, s.request("stage", nil, id, t.root.grace, t.root.where.Scope), s.read)
	if errors.Is(err, ErrNotOurs) {
		s.name = id + "~"
		err = t.root.call(ctx, "write", directory, s.request("stage", nil, s.name, t.root.grace, t.root.where.Scope), s.read)
	}
	if err != nil {
		return nil, translated(s.why(directory, err))
	}
	t.root.stages = append(t.root.stages, s)
	return s, nil
}

func nothing(*Answer) error { return nil }

// why is the error about a path that could not be written, where its mount is why.
func (r *reader) why(file string, err error) error {
	refused := errors.Is(err, ErrWrite) || errors.Is(err, fs.ErrPermission)
	switch {
	case refused && r.root.mounts.of(file).readOnly:
		return ErrReadOnly
	case refused && r.root.mounts.isPoint(file):
		return ErrMounted
	}
	return err
}

// claim takes a stage over to a new connection.
func (s *stage) claim(ctx context.Context, l *Link) error {
	former := s.name
	// A stage for another copy keeps its name; who waits to take another one away knows it by the old one.
	if s.times++; !strings.HasSuffix(s.id, ".partial") {
		s.name = fmt.Sprint(s.id, "-", s.times)
	}
	q := Request{Verb: "stage", Args: []string{s.start, s.name, former, s.root.grace, s.root.where.Scope}}
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
		q = s.request("put", nil, "file", f.Path, strconv.FormatInt(f.From, 10), fmt.Sprintf("%o", s.mode(f.File)),
			strconv.FormatInt(f.Mtime.Unix(), 10), owner)
		out = &fileUpload{stage: s, part: f}
	}
	length, err := s.transmit(ctx, q, out, fill)
	errs := out.result()
	if fileError, other := cause(ctx, err); other != nil {
		return errs, other
	} else if fileError != nil {
		if errors.Is(fileError, ErrOwner) && len(parts) == 1 {
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
func (s *stage) archive() Request {
	if s.owns() {
		return s.request("put", nil, "tree", "--numeric-owner")
	}
	return s.request("put", nil, "tree", "-o")
}

// transmit sends what fill gives, and returns how long the helper says that a file is.
func (s *stage) transmit(ctx context.Context, q Request, out payload, fill func(transfer.Receiver) error) (length string, err error) {
	q.Payload = true
	err = s.root.call(ctx, "write", s.start, q, func(b *Answer) error {
		first, err := b.ReadByte()
		if err != nil || first != 'r' && first != 'z' {
			return Unexpected(err)
		}
		if s.root.up.lacking = first == 'r'; s.root.up.lacking && s.root.up.mode == PackAlways {
			return &MissingToolError{Tool: "gzip"}
		}
		frames := newFrames(ctx, b, &s.root.up)
		out.begin(frames)
		err = fill(out)
		_ = frames.wait()
		switch {
		case frames.err != nil:
			return frames.err // why the other side takes no more is in its answer
		case err != nil:
			return called(err)
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
		names[i] = sent(p)
	}
	for _, batch := range batches(names) {
		if err := s.root.call(ctx, "write", s.start, s.about("remove", batch), nothing); err != nil {
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
		if mountedFile(ctx, s.root, path.Join(s.start, m.To)) {
			errs[i] = ErrMounted
			continue
		}
		index[sent(m.From)] = i
		names = append(names, sent(m.From))
		if m.From == "." {
			directory, base := path.Split(m.To)
			return errs, s.move(ctx, errs, moves, index, s.request("commit", nil, path.Clean(directory), base, ""))
		}
		below = path.Clean(strings.TrimSuffix(m.To, m.From))
	}
	for _, batch := range batches(names) {
		if err := s.move(ctx, errs, moves, index, s.about("commit", batch, below, "")); err != nil {
			return errs, err
		}
	}
	return errs, nil
}

// mountedFile reports whether a file has something mounted on it, which the kernel would take off where another file takes its place.
func mountedFile(ctx context.Context, r *Root, file string) bool {
	if !r.mounts.isPoint(file) {
		return false
	}
	info, err := r.Stat(ctx, file, false)
	return err == nil && !info.FileMode().IsDir()
}

// move has files moved, and notes for each that could not be why.
func (s *stage) move(ctx context.Context, errs []error, moves []transfer.Move, index map[string]int, q Request) error {
	return s.root.call(ctx, "write", s.start, q, func(b *Answer) error {
		for {
			if _, err := b.Peek(1); err == io.EOF {
				return nil
			}
			var moved, text string
			if err := b.Fields(&moved, &text); err != nil {
				return err
			}
			i, ok := index[moved]
			code, err := Number(text)
			if !ok || err != nil {
				return fmt.Errorf("read answer of helper: moved %.200q", moved)
			}
			errs[i] = translated(s.why(path.Join(s.start, moves[i].To), CodeError(code)))
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
	s.root.stages = slices.DeleteFunc(s.root.stages, func(other *stage) bool { return other == s })
	if keep {
		return nil
	}
	return s.root.call(ctx, "write", s.start, s.request("remove", nil, ""), nothing)
}
