// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // against accidents on the way, not against whoever makes the files
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A frame's sum is SHA-1: of what every helper has it takes the least of both sides together, where processors have
// instructions for it (docs/performance.md), and it is the wire that is watched here. Whoever can put other bytes on it could put
// another sum there too.
func newSum() hash.Hash { return sha1.New() } //nolint:gosec // see above

// sumOf says whether a sum is that of what was written to h.
func sumOf(h hash.Hash, text string) bool { return hex.EncodeToString(h.Sum(nil)) == text }

// A bulk is many small files in one.
type bulk struct {
	*puller
	shares []share
	next   int  // the share that is being filled
	excess bool // more came than all of them have
}

type share struct {
	name, line string
	content    Content // nil: left out, or done with
	left       int64
}

// readBulk reads a frame of bulk.sh.
func (p *puller) readBulk(b *bufio.Reader) error {
	k := &bulk{puller: p}
	err := k.begin(b)
	if err == nil {
		err = k.read(b)
	}
	// Who is not committed now comes again, or never.
	for _, s := range k.shares {
		if s.content != nil {
			s.content.Abort()
		}
	}
	return err
}

func (k *bulk) begin(b *bufio.Reader) error {
	names, err := readNames(b)
	if err != nil {
		return err
	}
	stats, err := readStats(b, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		if stats[i].Stat == nil || !stats[i].FileMode().IsRegular() || stats[i].Size < 0 {
			return answerError("%q in a bulk", name)
		}
		s := share{name: name, line: stats[i].line, left: stats[i].Size}
		if !k.finished(name, s.line) {
			if s.content, err = k.sink.Create(name, stats[i].Stat); err != nil {
				return k.own(err)
			}
		}
		k.shares = append(k.shares, s)
	}
	return nil
}

func (k *bulk) read(b *bufio.Reader) error {
	sum := newSum()
	err := copySection(b, k.end, func(data []byte) error {
		sum.Write(data)
		return k.fill(data)
	})
	if err != nil {
		return err
	}
	var verdict, want string
	if err := readFields(b, &verdict, &want); err != nil {
		return err
	}
	short := slices.ContainsFunc(k.shares, func(s share) bool { return s.left > 0 })
	switch {
	case verdict == "bad":
		return nil
	case verdict != "good":
		return answerError("verdict %q", verdict)
	case k.excess || short || !sumOf(sum, want):
		return ErrDamaged
	}
	for i := range k.shares {
		s := &k.shares[i]
		if c := s.content; c != nil {
			s.content = nil
			if err := c.Commit(); err != nil {
				return k.own(err)
			}
		}
		k.settle(s.name, s.line)
	}
	return nil
}

// fill gives each file its share of the bytes.
func (k *bulk) fill(data []byte) error {
	for len(data) > 0 {
		for k.next < len(k.shares) && k.shares[k.next].left == 0 {
			k.next++
		}
		if k.next == len(k.shares) {
			k.excess = true
			return nil
		}
		s := &k.shares[k.next]
		n := min(s.left, int64(len(data)))
		if s.content != nil {
			if _, err := s.content.Write(data[:n]); err != nil {
				return k.own(err)
			}
		}
		s.left -= n
		data = data[n:]
	}
	return nil
}

// A single is one file with a frame of its own.
type single struct {
	*puller
	name, line string
	stat       *Stat
	content    Content
	at         int64 // how far it came
	lost       bool  // a part's sum was another: the file was changed between its readings, or its bytes on the way

	verified int64     // how far the sums have shown that it is right
	whole    hash.Hash // of all bytes so far; nil where they are not summed up in one
}

// readOne reads a frame of one.sh.
func (p *puller) readOne(b *bufio.Reader) error {
	var path string
	s := &single{puller: p}
	if err := readFields(b, &path, &s.line); err != nil {
		return err
	}
	var err error
	if !p.found.Info.Mode().IsRegular() {
		if s.name, err = relative(path); err != nil {
			return err
		}
	}
	if s.line != "" {
		if s.stat, err = parseStat(s.line); err != nil {
			return answerError("%v", err)
		}
		if err := s.open(); err != nil {
			return err
		}
	}
	if s.content == nil {
		s.content = nowhere{}
	}
	var status, after string
	if err = s.read(b); err == nil {
		err = readFields(b, &status, &after)
	}
	if err != nil {
		if !s.keep() {
			s.content.Abort()
		}
		return err
	}
	delete(p.missing, s.name)
	return s.judge(status, after)
}

// open makes the file, or takes up what is laid down of it.
func (s *single) open() (err error) {
	if kept, ok := s.partial[s.name]; ok {
		delete(s.partial, s.name)
		s.content = kept.content
		return nil
	}
	if s.finished(s.name, s.line) {
		return nil
	}
	s.content, err = s.sink.Create(s.name, s.stat)
	return s.own(err)
}

// begin finds out from where on the file comes.
func (s *single) begin(text string) error {
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil || s.stat == nil || from < 0 || from > s.stat.Size && from > 0 {
		return answerError("a file from %q on", text)
	}
	content, ok := s.content.(Resumable)
	switch {
	case ok:
		err = s.own(content.Rewind(from))
	case from > 0:
		err = answerError("a file from %q on", text)
	}
	s.at, s.verified = from, from
	if from > 0 {
		s.whole = sumFrom(s.sums[s.name])
	} else {
		s.whole = newSum()
	}
	delete(s.sums, s.name)
	return err
}

// read reads the parts.
func (s *single) read(b *bufio.Reader) error {
	text, err := readField(b)
	if err != nil || text == "-" {
		return err
	}
	if err := s.begin(text); err != nil {
		return err
	}
	for {
		offset, err := readField(b)
		if err != nil || offset == "-" {
			return err
		}
		from, err := strconv.ParseInt(offset, 10, 64)
		if err != nil || from < s.at {
			return answerError("part %q behind %d", offset, s.at)
		}
		if err := s.skip(from); err != nil {
			return err
		}
		if err := s.part(b); err != nil {
			return err
		}
	}
}

// part reads one part and its sum. What grew has more than was announced.
func (s *single) part(b *bufio.Reader) error {
	sum := s.whole
	if s.at > 0 || sum == nil {
		sum = newSum()
	}
	bounded := occupied(s.line)
	err := copySection(b, s.end, func(data []byte) error {
		sum.Write(data)
		if s.whole != nil && s.whole != sum {
			s.whole.Write(data)
		}
		if room := s.stat.Size - s.at; bounded && int64(len(data)) > room {
			data = data[:max(0, room)]
		}
		s.at += int64(len(data))
		if _, err := s.content.Write(data); err != nil {
			return s.own(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	want, err := readField(b)
	if err != nil {
		return err
	}
	s.lost = s.lost || !sumOf(sum, want)
	if !s.lost {
		s.verified = s.at
	}
	return nil
}

// skip leaves a hole up to an offset.
func (s *single) skip(to int64) error {
	if to == s.at {
		return nil
	}
	s.whole = nil
	n := to - s.at
	s.at = to
	return s.own(s.content.Skip(n))
}

// judge decides what came of a file.
func (s *single) judge(status, after string) error {
	code, err := strconv.Atoi(status)
	if err != nil || code == codeOK && s.stat == nil {
		s.content.Abort()
		return answerError("status %q of %q", status, s.line)
	}
	if code == codeOK && s.line == after {
		return s.finish()
	}
	if code == codeOK {
		code = codeChanged
	}
	// A log that grew meanwhile is worth having as it was when it was opened.
	if code == codeChanged && s.grew(after) {
		if err := s.content.Commit(); err != nil {
			return s.own(err)
		}
	} else {
		s.content.Abort()
	}
	s.fail(s.name, &fs.PathError{Op: "copy", Path: s.name, Err: codeError(code)})
	return nil
}

// finish ends a file that is what it was.
func (s *single) finish() error {
	var err error
	// The last part of a sparse file may be a hole.
	if s.at < s.stat.Size && sparse(s.line, s.stat.Size) {
		err = s.skip(s.stat.Size)
	}
	if err == nil && (s.lost || s.at != s.stat.Size && occupied(s.line)) {
		err = fmt.Errorf("%q: %w", s.name, ErrDamaged)
	}
	if err != nil {
		s.content.Abort()
		return err
	}
	if err := s.content.Commit(); err != nil {
		return s.own(err)
	}
	s.settle(s.name, s.line)
	return nil
}

func (s *single) grew(after string) bool {
	now, err := parseStat(after)
	return err == nil && s.stat != nil && s.at >= s.stat.Size && now.Ino == s.stat.Ino && now.Size > s.stat.Size
}

// occupied tells a file that has blocks from one whose size says nothing, as in /proc and /sys.
func occupied(line string) bool {
	f := strings.Fields(line)
	return len(f) > 11 && f[11] != "0"
}

// sparse tells a file that comes without its holes, as one.sh does.
func sparse(line string, size int64) bool {
	f := strings.Fields(line)
	if len(f) < 12 || size < sparseChunk {
		return false
	}
	blocks, err := strconv.ParseInt(f[11], 10, 64)
	return err == nil && blocks*512+sparseChunk < size
}

// sparseChunk is the length of a part of a sparse file in one.sh; no smaller file has holes on the wire.
const sparseChunk = 8 << 20

// nowhere is the Content of what nobody wants.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Skip(int64) error            { return nil }
func (nowhere) Commit() error               { return nil }
func (nowhere) Abort()                      {}
