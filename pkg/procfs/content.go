// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"crypto/md5" //nolint:gosec // against accidents on the way, not against whoever makes the files
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A frame's sum is md5: of what every helper has it takes the least time (534 MiB/s, sha256sum 214), and it is the
// wire that is watched here. Whoever can put other bytes on it could put another sum there too.

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
	content Content // nil: left out, or done with
	left    int64
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
		if stats[i] == nil || !stats[i].FileMode().IsRegular() || stats[i].Size < 0 {
			return fmt.Errorf("read answer of helper: %q in a bulk", name)
		}
		content, err := k.sink.Create(name, stats[i])
		if err != nil {
			return k.own(err)
		}
		k.shares = append(k.shares, share{content, stats[i].Size})
	}
	return nil
}

func (k *bulk) read(b *bufio.Reader) error {
	sum := md5.New() //nolint:gosec // see above
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
		return fmt.Errorf("read answer of helper: verdict %q", verdict)
	case k.excess || short || !sumOf(sum, want):
		return ErrDamaged
	}
	for i := range k.shares {
		if c := k.shares[i].content; c != nil {
			k.shares[i].content = nil
			if err := c.Commit(); err != nil {
				return k.own(err)
			}
		}
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
	stat    *Stat
	content Content
	at      int64 // how far it came
	holes   bool
	lost    bool // a part's sum was another: the file was changed between its readings, or its bytes on the way
}

// readOne reads a frame of one.sh.
func (p *puller) readOne(b *bufio.Reader, top Found) error {
	var path, line string
	if err := readFields(b, &path, &line); err != nil {
		return err
	}
	name := ""
	var err error
	if !top.Info.Mode().IsRegular() {
		if name, err = relative(path); err != nil {
			return err
		}
	}
	s := &single{puller: p}
	if line != "" {
		if s.stat, err = parseStat(line); err != nil {
			return err
		}
		if s.content, err = p.sink.Create(name, s.stat); err != nil {
			return p.own(err)
		}
	}
	if s.content == nil {
		s.content = nowhere{}
	}
	if err := s.read(b, line); err != nil {
		s.content.Abort()
		return err
	}
	var status, after string
	if err := readFields(b, &status, &after); err != nil {
		s.content.Abort()
		return err
	}
	return s.judge(name, status, line, after)
}

// read reads the parts. What grew has more than was announced.
func (s *single) read(b *bufio.Reader, line string) error {
	for {
		offset, err := readField(b)
		if err != nil || offset == "-" {
			return err
		}
		from, err := strconv.ParseInt(offset, 10, 64)
		if err != nil || from < s.at || s.stat == nil {
			return fmt.Errorf("read answer of helper: part %q behind %d", offset, s.at)
		}
		if err := s.skip(from); err != nil {
			return err
		}
		sum := md5.New() //nolint:gosec // see above
		err = copySection(b, s.end, func(data []byte) error {
			sum.Write(data)
			if room := s.stat.Size - s.at; occupied(line) && int64(len(data)) > room {
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
	}
}

// skip leaves a hole up to an offset.
func (s *single) skip(to int64) error {
	if to == s.at {
		return nil
	}
	s.holes = true
	n := to - s.at
	s.at = to
	return s.own(s.content.Skip(n))
}

// judge decides what came of a file.
func (s *single) judge(name, status, before, after string) error {
	code, err := strconv.Atoi(status)
	if err != nil || code == codeOK && s.stat == nil {
		s.content.Abort()
		return fmt.Errorf("read answer of helper: status %q of %q", status, before)
	}
	if code == codeOK && before == after {
		return s.whole(before)
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
	s.sink.Failed(name, &fs.PathError{Op: "copy", Path: name, Err: codeError(code)})
	return nil
}

// whole ends a file that is what it was.
func (s *single) whole(line string) error {
	var err error
	// The last part of a sparse file may be a hole.
	if size := s.stat.Size; s.at < size && (s.holes || s.at == 0 && size >= sparseChunk) {
		err = s.skip(size)
	}
	if err == nil && (s.lost || s.at != s.stat.Size && occupied(line)) {
		err = ErrDamaged
	}
	if err != nil {
		s.content.Abort()
		return err
	}
	return s.own(s.content.Commit())
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

// sparseChunk is the length of a part of a sparse file in one.sh; no smaller file has holes on the wire.
const sparseChunk = 8 << 20

// nowhere is the Content of what nobody wants.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Skip(int64) error            { return nil }
func (nowhere) Commit() error               { return nil }
func (nowhere) Abort()                      {}
