// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/sha1" //nolint:gosec // it detects damage in transit, not forgery
	"errors"
	"hash"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

const bufferSize = 128 << 10

// A stream is a Tree of one file, which is read or written once, from its beginning to its end.
type stream struct {
	in  *input
	out *output
}

// Input is a Tree whose only file is what r gives. It cannot be asked for twice. end, if any, closes it.
func Input(r io.Reader, end func() error) Tree { return &stream{in: &input{in: r, end: end}} }

// Output is a Tree whose only file is written to w. What went out stays: an error says what became of it. end, if any, closes it.
func Output(w io.Writer, end func() error) Tree { return &stream{out: &output{newFlow(w), end}} }

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
	in   io.Reader
	end  func() error // nil where its owner closes it
	used bool
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
		if s.end != nil {
			err = errors.Join(err, s.end())
		}
		in.CloseWithError(err)
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

// A flow is what goes out and stays. It knows the sum of that.
type flow struct {
	io.Writer
	at  int64
	sum hash.Hash
}

func newFlow(w io.Writer) *flow { return &flow{Writer: w, sum: sha1.New()} } //nolint:gosec // see above

func (f *flow) write(p []byte) error {
	n, err := f.Write(p)
	f.at += int64(n)
	_, _ = f.sum.Write(p[:n])
	return err
}

// zeros fills a hole.
func (f *flow) zeros(until int64) error {
	if until < f.at {
		return ErrOnce
	}
	zeros := make([]byte, min(bufferSize, until-f.at))
	for f.at < until {
		if err := f.write(zeros[:min(int64(len(zeros)), until-f.at)]); err != nil {
			return err
		}
	}
	return nil
}

func (f *flow) data(offset int64, p []byte) error {
	if err := f.zeros(offset); err != nil {
		return err
	}
	return f.write(p)
}

// known is the sum of what a part has come to, if that is what it asks for.
func (f *flow) known(part Part) Sum {
	sum := Sum{N: f.at}
	if part.From >= 0 && part.From != f.at {
		sum.Err = ErrOnce
	}
	f.sum.Sum(sum.SHA1[:0])
	return sum
}

// An output is a stage that holds nothing back.
type output struct {
	*flow
	end func() error // nil where its owner closes it
}

func (s *output) List(context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) { yield(streamed(".", s.at), nil) }
}

// Sum is of what went out.
func (s *output) Sum(_ context.Context, files []Part) ([]Sum, error) {
	sums := make([]Sum, len(files))
	for i, part := range files {
		sums[i] = s.known(part)
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
func (s *output) Data(_ int, offset int64, p []byte) error { return s.data(offset, p) }

// Done writes the hole at the end.
func (s *output) Done(_ int, size int64, err error) error {
	if err != nil {
		return nil //nolint:nilerr // the sender reports it
	}
	return s.zeros(size)
}

func (s *output) Remove(context.Context, []string) error { return nil }

func (s *output) Commit(context.Context, []File, []Move) ([]error, error) { return nil, nil }

// Close leaves what went out.
func (s *output) Close(context.Context, bool) error {
	if s.end == nil {
		return nil
	}
	return s.end()
}

// streams puts a Tree for a stream in the place of one that has it.
func streams(ctx context.Context, c *copier) error {
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
