// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

// readRest reads what is there of an earlier attempt, and decides what is still to be sent.
func (p *pusher) readRest(b *bufio.Reader, feed *feeder) (Rest, error) {
	if p.source.Tree {
		return p.readTreeRest(b)
	}
	if err := readSigns(b, nil); err != nil {
		return Rest{}, err
	}
	var size, sum string
	if err := readFields(b, &size, &sum); err != nil {
		return Rest{}, err
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		return Rest{}, answerError("size %q", size)
	}
	rest := Rest{From: n, sum: newSum()} //nolint:gosec // see content.go
	if n > 0 && !p.same(n, sum, &rest) {
		rest = Rest{}
	}
	return rest, feed.put(func() error {
		_, err := fmt.Fprintf(feed.writer, "%d\n", rest.From)
		return err
	})
}

// same tells whether the first n bytes of the file have that sum.
func (p *pusher) same(n int64, sum string, rest *Rest) bool {
	file, err := p.source.Open("")
	if err != nil {
		return false // Write says so
	}
	defer func() { _ = file.Close() }()
	got, err := io.CopyN(rest.sum, file, n)
	return err == nil && got == n && sumOf(rest.sum, sum)
}

// readTreeRest finds the files that are whole there.
func (p *pusher) readTreeRest(b *bufio.Reader) (Rest, error) {
	whole := map[string]bool{}
	for {
		if err := readSigns(b, nil); err != nil {
			return Rest{}, err
		}
		names, err := readNames(b)
		if err != nil {
			return Rest{}, err
		}
		if len(names) == 0 {
			return Rest{Skip: func(name string) bool { return whole[name] }}, nil
		}
		text, err := readField(b)
		if err != nil {
			return Rest{}, err
		}
		if err := readSigns(b, nil); err != nil {
			return Rest{}, err
		}
		sum, err := readField(b)
		if err != nil {
			return Rest{}, err
		}
		if p.sameFiles(names, text, sum) {
			for _, name := range names {
				whole[name] = true
			}
		}
	}
}

// sameFiles tells whether files are what they are there: length, time and, all together, sum. Who is not is sent with all
// that were summed up with it.
func (p *pusher) sameFiles(names []string, text, sum string) bool {
	stats, err := splitStats(text, len(names))
	if err != nil {
		return false
	}
	h := newSum()
	for i, name := range names {
		if stats[i].Stat == nil || !p.addSame(h, name, stats[i].Stat) {
			return false
		}
	}
	return hex.EncodeToString(h.Sum(nil)) == sum
}

func (p *pusher) addSame(w io.Writer, name string, s *Stat) bool {
	file, err := p.source.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !same(info, s) {
		return false
	}
	n, err := io.CopyN(w, file, s.Size)
	return err == nil && n == s.Size
}

// same compares what an archive keeps of a file: its time in seconds.
func same(info fs.FileInfo, s *Stat) bool {
	return info.Mode().IsRegular() && info.Size() == s.Size && info.ModTime().Unix() == s.Mtime.Unix()
}
