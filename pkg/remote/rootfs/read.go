// SPDX-License-Identifier: Apache-2.0

package rootfs

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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Read gives the bytes of a regular file, links followed. open is called once, before its first byte; the bytes are all there
// exactly when the error is nil or ErrGrew. An error of open or of its writer ends it and is returned as it is. ErrSpecial and
// ErrIsDirectory are about what is no regular file.
func (r *Root) Read(ctx context.Context, name string, open func(Info) (io.Writer, error)) (Info, error) {
	var info Info
	to := &sequence{sum: sha1.New()} //nolint:gosec // it tells a change, and no forger
	err := readPart(ctx, r, "open", remote.Request{Verb: "read", Args: []string{name, "", "", "0", ""}, Reads: true}, func(i Info) error {
		var err error
		info = i
		to.out, err = open(i)
		return err
	}, to.data)
	changed := errors.Is(err, remote.ErrChanged) && to.out != nil
	if (err == nil || changed) && sparse(info.Stat) && !r.Kernel(info.Path) {
		if full := to.zeros(info.Size); full != nil {
			return info, full
		}
	}
	if changed && to.at >= info.Size && onlyGrew(ctx, r, info, to) {
		return info, &fs.PathError{Op: "open", Path: name, Err: remote.ErrGrew}
	}
	return info, err
}

// onlyGrew reports whether a file is longer than it was and still begins with what was read of it.
func onlyGrew(ctx context.Context, r *Root, info Info, read *sequence) bool {
	now, sum, err := (&Place{Root: r}).SumOne(ctx, "sha1sum", info.Path, read.at, "")
	return err == nil && now > info.Size && sum == hex.EncodeToString(read.sum.Sum(nil))
}

// chunk is how many bytes of a sparse file come in one part: that of sh/read.sh.
const chunk = 8 << 20

// sparse reports whether a file is read in parts, without its holes.
func sparse(s *remote.Stat) bool { return s.Size >= chunk && s.Blocks*512+chunk < s.Size }

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

// readPart reads one file from a byte on. Gaps between offsets are holes; one at the end shows in the file's size. A part that comes
// packed has a "z" before its offset.
func readPart(ctx context.Context, r *Root, op string, q remote.Request, begin func(Info) error, data func(int64, []byte) error) error {
	return r.Ask(ctx, op, q.Args[0], q, func(b *remote.Answer) error {
		before, err := r.readBegin(b)
		if err != nil {
			return err
		}
		if err := Called(begin(before)); err != nil {
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
			return remote.ErrRead
		case remote.StateOf(after) != before.State && !r.Kernel(before.Path):
			return remote.ErrChanged
		}
		// It is read twice at once: what changes in between has two sums.
		return damaged
	})
}

// ReadFrom reads a file from a byte on, as the program reads it until an offset, or packed.
func (p *Place) ReadFrom(ctx context.Context, file string, from int64, until string, begin func(Info) error, data func(int64, []byte) error) error {
	_, q := p.one("read", file, strconv.FormatInt(from, 10), until)
	return readPart(ctx, p.Root, "copy", q, begin, data)
}

// ReadMany reads files one behind the other, all or none: their states have to be those. They may come packed.
func (p *Place) ReadMany(ctx context.Context, files []string, states map[string]string, gzipped bool, data func([]byte) error) error {
	word := ""
	if gzipped {
		word = "z"
	}
	q := reading(p.Request("read", files, append([]string{"", "0", word}, directoriesOf(files)...)...))
	return p.Root.Ask(ctx, "copy", p.Start, q, func(b *remote.Answer) error {
		return steady(b, files, states, true, func() error {
			good, err := b.Section(gzipped, data)
			if err == nil && !good {
				err = remote.ErrRead
			}
			return err
		})
	})
}

// readParts reads the parts of a file from a byte on, and reports whether the helper could read them all, and what came damaged.
func readParts(b *remote.Answer, from int64, file Info, data func(int64, []byte) error) (whole bool, damaged, err error) {
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
		case offset != at && (!sparse(file.Stat) || offset < at || (offset-from)%chunk != 0):
			return false, nil, remote.ErrDamaged // a part's checksum does not cover where it belongs
		}
		at = offset
		good, err := b.Section(gzipped, func(p []byte) error {
			err := Called(data(at, p))
			at += int64(len(p))
			return err
		})
		if err != nil && err != remote.ErrDamaged { //nolint:errorlint // as it was given
			return false, nil, err
		}
		damaged = errors.Join(damaged, err)
		whole = whole && (good || err != nil)
	}
}

// facts reads lines of facts up to a NUL.
func readFacts(b *remote.Answer) ([]string, error) {
	text, err := b.Field()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}
