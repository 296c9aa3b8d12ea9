// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Read gives the bytes of a regular file, links followed. open is called once, before its first byte; the bytes are all there
// exactly when the error is nil. An error of open or of its writer ends it and is returned as it is. ErrSpecial and
// ErrIsDirectory are about what is no regular file.
func (r *Root) Read(ctx context.Context, name string, open func(Info) (io.Writer, error)) (Info, error) {
	var info Info
	var out io.Writer
	err := r.part(ctx, "open", request{verb: "read", args: []string{name, "", "", "0", ""}}, func(i Info) error {
		var err error
		info = i
		out, err = open(i)
		return err
	}, func(offset int64, p []byte) error {
		_, err := out.Write(p)
		return err
	})
	return info, err
}

// part reads one file from a byte on. Gaps between offsets are holes; one at the end shows in the file's size.
func (r *Root) part(ctx context.Context, op string, q request, begin func(Info) error, data func(int64, []byte) error) error {
	return r.converse(ctx, op, q.args[0], q, func(l *link, b *bufio.Reader) error {
		before, err := r.readBegin(b)
		if err != nil {
			return err
		}
		if err := called(begin(before)); err != nil {
			return err
		}
		whole, damaged := true, error(nil)
		for {
			field, err := readField(b)
			if err != nil {
				return err
			}
			if field == "-" {
				break
			}
			offset, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return err
			}
			good, err := readSection(b, l.mark, func(p []byte) error {
				err := called(data(offset, p))
				offset += int64(len(p))
				return err
			})
			if err != nil && err != errDamaged { //nolint:errorlint // as it was given
				return err
			}
			damaged = errors.Join(damaged, err)
			whole = whole && (good || err != nil)
		}
		after, err := readField(b)
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

// readBegin reads the path and the facts in front of an answer about one file.
func (r *Root) readBegin(b *bufio.Reader) (Info, error) {
	var info Info
	var line string
	if err := readFields(b, &info.Path, &line); err != nil {
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
func readFacts(b *bufio.Reader) ([]string, error) {
	text, err := readField(b)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}

// batchMost is how many names go with one request, and batchBytes how long they are together.
const (
	batchMost  = 2000
	batchBytes = 400_000
)

// batches splits names into what fits into a request. One with a newline comes alone.
func batches(names []string) (batches [][]string) {
	size, open := 0, false
	for _, name := range names {
		odd, last := strings.Contains(name, "\n"), len(batches)-1
		if !open || odd || len(batches[last]) == batchMost || size+len(name) > batchBytes {
			batches, size, open, last = append(batches, nil), 0, !odd, last+1
		}
		batches[last] = append(batches[last], name)
		size += len(name) + 1
	}
	return batches
}

// about is a request about a batch, whose names come behind the arguments.
func (r *reader) about(verb string, batch []string, args ...string) request {
	if len(batch) == 1 && strings.Contains(batch[0], "\n") {
		return r.request(verb, nil, append(args, batch[0])...)
	}
	return r.request(verb, batch, append(args, "")...)
}
