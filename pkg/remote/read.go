// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"crypto/sha1" //nolint:gosec // it tells a change, and no forger
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Read gives the bytes of a regular file, links followed. open is called once, before its first byte; the bytes are all there
// exactly when the error is nil or ErrGrew. An error of open or of its writer ends it and is returned as it is. ErrSpecial and
// ErrIsDirectory are about what is no regular file.
func (r *Root) Read(ctx context.Context, name string, open func(Info) (io.Writer, error)) (Info, error) {
	var info Info
	to := &sequence{sum: sha1.New()} //nolint:gosec // it tells a change, and no forger
	err := r.part(ctx, "open", Request{Verb: "read", Args: []string{name, "", "", "0", ""}, Reads: true}, func(i Info) error {
		var err error
		info = i
		to.out, err = open(i)
		return err
	}, to.data)
	changed := errors.Is(err, ErrChanged) && to.out != nil
	if (err == nil || changed) && info.sparse() && !r.Kernel(info.Path) {
		if full := to.zeros(info.Size); full != nil {
			return info, full
		}
	}
	if changed && to.at >= info.Size && onlyGrew(ctx, r, info, to) {
		return info, &fs.PathError{Op: "open", Path: name, Err: ErrGrew}
	}
	return info, err
}

// onlyGrew reports whether a file is longer than it was and still begins with what was read of it.
func onlyGrew(ctx context.Context, r *Root, info Info, read *sequence) bool {
	now, sum, err := (&reader{root: r}).sumOne(ctx, "sha1sum", info.Path, read.at, "")
	return err == nil && now > info.Size && sum == hex.EncodeToString(read.sum.Sum(nil))
}

// readPart is how many bytes of a sparse file come in one part: chunk in sh/read.sh.
const readPart = 8 << 20

// sparse reports whether a file is read in parts, without its holes.
func (s *Stat) sparse() bool { return s.Size >= readPart && s.Blocks*512+readPart < s.Size }

// A sequence writes the parts of a file one behind the other, zeros where it has holes, and knows the sum of that.
type sequence struct {
	out io.Writer
	at  int64
	sum hash.Hash
}

func (s *sequence) data(offset int64, p []byte) error {
	if err := s.zeros(offset); err != nil {
		return err
	}
	return s.write(p)
}

func (s *sequence) write(p []byte) error {
	n, err := s.out.Write(p)
	s.at += int64(n)
	_, _ = s.sum.Write(p[:n])
	return err
}

func (s *sequence) zeros(until int64) error {
	zeros := make([]byte, max(0, min(64<<10, until-s.at)))
	for s.at < until {
		if err := s.write(zeros[:min(int64(len(zeros)), until-s.at)]); err != nil {
			return err
		}
	}
	return nil
}

// part reads one file from a byte on. Gaps between offsets are holes; one at the end shows in the file's size. A part that comes
// packed has a "z" before its offset.
func (r *Root) part(ctx context.Context, op string, q Request, begin func(Info) error, data func(int64, []byte) error) error {
	return r.call(ctx, op, q.Args[0], q, func(b *Answer) error {
		before, err := r.readBegin(b)
		if err != nil {
			return err
		}
		if err := called(begin(before)); err != nil {
			return err
		}
		from, err := strconv.ParseInt(q.Args[len(q.Args)-2], 10, 64)
		if err != nil {
			return err
		}
		whole, damaged, err := readParts(b, from, before, data)
		if err != nil {
			return err
		}
		after, err := b.Field()
		switch {
		case err != nil:
			return err
		case !whole:
			return ErrRead
		case stateOf(after) != before.state && !r.Kernel(before.Path):
			return ErrChanged
		}
		// It is read twice at once: what changes in between has two sums.
		return damaged
	})
}

// readParts reads the parts of a file from a byte on, and reports whether the helper could read them all, and what came damaged.
func readParts(b *Answer, from int64, file Info, data func(int64, []byte) error) (whole bool, damaged, err error) {
	whole = true
	for at := from; ; {
		field, err := b.Field()
		if err != nil || field == "-" {
			return whole, damaged, err
		}
		number, gzipped := strings.CutPrefix(field, "z")
		offset, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil:
			return false, nil, err
		case offset != at && (!file.sparse() || offset < at || (offset-from)%readPart != 0):
			return false, nil, ErrDamaged // a part's checksum does not cover where it belongs
		}
		at = offset
		good, err := b.Section(gzipped, func(p []byte) error {
			err := called(data(at, p))
			at += int64(len(p))
			return err
		})
		if err != nil && err != ErrDamaged { //nolint:errorlint // as it was given
			return false, nil, err
		}
		damaged = errors.Join(damaged, err)
		whole = whole && (good || err != nil)
	}
}

// readBegin reads the path and the facts in front of an answer about one file.
func (r *Root) readBegin(b *Answer) (Info, error) {
	var info Info
	var line string
	if err := b.Fields(&info.Path, &line); err != nil {
		return info, err
	}
	var err error
	if info.Stat, err = parseStat(line); err != nil {
		return info, err
	}
	r.name(info.Stat)
	return info, nil
}

// facts reads lines of facts up to a NUL.
func readFacts(b *Answer) ([]string, error) {
	text, err := b.Field()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}

// maxBatch is how many names go with one request, and batchBytes how long they are together.
const (
	maxBatch   = 4000
	batchBytes = 400_000
)

// batches splits names into what fits into a request. One with a newline comes alone.
func batches(names []string) (batches [][]string) {
	size, open := 0, false
	for _, name := range names {
		odd, last := strings.Contains(name, "\n"), len(batches)-1
		if !open || odd || len(batches[last]) == maxBatch || size+len(name) > batchBytes {
			batches, size, open, last = append(batches, nil), 0, !odd, last+1
		}
		batches[last] = append(batches[last], name)
		size += len(name) + 1
	}
	return batches
}

// about is a request about a batch, whose names come behind the arguments.
func (r *reader) about(verb string, batch []string, args ...string) Request {
	if len(batch) == 1 && strings.Contains(batch[0], "\n") {
		return r.request(verb, nil, append(args, batch[0])...)
	}
	return r.request(verb, batch, append(args, "")...)
}
