// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/sha1" //nolint:gosec // it tells bytes that a line damaged, and no forger
	"errors"
	"hash"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// A stream is a Tree of one file, which is read or written once, from its beginning to its end.
type stream struct {
	in  *input
	out *output
}

// Stdin is a Tree whose only file is what r gives. It cannot be asked for twice.
func Stdin(r io.Reader) Tree { return &stream{in: &input{in: r, close: leave}} }

// Stdout is a Tree whose only file is written to w. What went out stays: an error says what became of it.
func Stdout(w io.Writer) Tree {
	return &stream{out: &output{out: w, close: leave, sum: sha1.New()}} //nolint:gosec // see above
}

func leave() error { return nil }

func (s *stream) Stat(_ context.Context, path string, _ bool) (File, error) {
	return streamed(path, -1), nil
}

func (s *stream) Open(context.Context, string) (Reader, error) {
	if s.in == nil {
		return nil, ErrOnce
	}
	return s.in, nil
}

func (s *stream) Stage(context.Context, string, string, bool) (Stage, error) {
	if s.out == nil {
		return nil, ErrOnce
	}
	return s.out, nil
}

func streamed(path string, size int64) File {
	return File{Path: path, Mode: 0o644, Size: size, Blocks: -1, Mtime: time.Now()}
}

// An input reads a stream.
type input struct {
	in    io.Reader
	close func() error
	used  bool
}

func (s *input) List(context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) { yield(streamed(".", -1), nil) }
}

func (s *input) Sum(_ context.Context, files []Part) ([]Sum, error) {
	return slices.Repeat([]Sum{{Err: ErrOnce}}, len(files)), nil
}

// Read hands on what comes, until the end of ctx: a read of a terminal or a pipe cannot be ended.
func (s *input) Read(ctx context.Context, files []Part, r Receiver) error {
	if len(files) != 1 || files[0].From != 0 || s.used {
		return ErrOnce
	}
	s.used = true
	out, in := io.Pipe()
	crash.Go(ctx, func() {
		_, err := io.Copy(in, s.in)
		in.CloseWithError(errors.Join(err, s.close()))
	})
	defer out.Close()
	defer context.AfterFunc(ctx, func() { out.CloseWithError(context.Cause(ctx)) })()
	buffer := make([]byte, bufferSize)
	for at := int64(0); ; {
		n, err := out.Read(buffer)
		if n > 0 {
			if err := r.Data(0, at, buffer[:n]); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return r.Done(0, at, nil)
		case err != nil:
			return err
		}
	}
}

// An output is a stage that holds nothing back.
type output struct {
	out   io.Writer
	close func() error
	at    int64
	sum   hash.Hash
}

func (s *output) List(context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) { yield(streamed(".", s.at), nil) }
}

// Sum is of what went out.
func (s *output) Sum(_ context.Context, files []Part) ([]Sum, error) {
	sums := slices.Repeat([]Sum{{N: s.at, Err: ErrOnce}}, len(files))
	if len(files) == 1 && (files[0].From < 0 || files[0].From == s.at) {
		sums[0].Err = nil
		s.sum.Sum(sums[0].SHA1[:0])
	}
	return sums, nil
}

func (s *output) Read(context.Context, []Part, Receiver) error { return ErrOnce }

// Put writes a file, or goes on with it.
func (s *output) Put(_ context.Context, parts []Part, fill func(Receiver) error) ([]error, error) {
	switch {
	case len(parts) != 1 || !parts[0].Mode.IsRegular():
		return slices.Repeat([]error{ErrKind}, len(parts)), nil
	case parts[0].From != s.at:
		return nil, ErrOnce
	}
	return nil, fill(s)
}

// Data writes, and zeros for a hole.
func (s *output) Data(_ int, offset int64, p []byte) error {
	if offset < s.at {
		return ErrOnce
	}
	if err := s.zeros(offset); err != nil {
		return err
	}
	return s.write(p)
}

func (s *output) write(p []byte) error {
	n, err := s.out.Write(p)
	s.at += int64(n)
	_, _ = s.sum.Write(p[:n])
	return err
}

func (s *output) zeros(until int64) error {
	zeros := make([]byte, min(bufferSize, max(0, until-s.at)))
	for s.at < until {
		if err := s.write(zeros[:min(int64(len(zeros)), until-s.at)]); err != nil {
			return err
		}
	}
	return nil
}

// Done writes the hole at the end.
func (s *output) Done(_ int, size int64, err error) error {
	if err != nil {
		return nil //nolint:nilerr // whoever sends it says so
	}
	return s.zeros(size)
}

func (s *output) Remove(context.Context, []string) error { return nil }

func (s *output) Commit(context.Context, []File, []Move) ([]error, error) { return nil, nil }

func (s *output) Close(context.Context, bool) error { return s.close() }

// streams puts a Tree for a stream in the place of one that has it.
func (c *copier) streams(ctx context.Context) error {
	if s, ok := c.src.(Streamer); ok {
		t, err := s.Stream(ctx, c.Source, false)
		if err != nil {
			return c.read(err)
		} else if t != nil {
			c.src = t
		}
	}
	if s, ok := c.dst.(Streamer); ok {
		t, err := s.Stream(ctx, c.Dest, true)
		if err != nil {
			return c.write(err)
		} else if t != nil {
			c.dst = t
		}
	}
	return nil
}
