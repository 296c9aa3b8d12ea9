// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Packing says whether contents are compressed (gzip) on their way. Their checksums are of the bytes before.
type Packing string

// What there is.
const (
	// PackAuto compresses where the line carries less than 20 MB in a second, and a sample shrinks by a third.
	PackAuto   Packing = "auto"
	PackAlways Packing = "always"
	PackNever  Packing = "never"
)

const (
	// slowLine is the speed, in bytes a second, above which compression costs more time than it saves: busybox's gzip makes about so much.
	slowLine = 20e6
	// packSample is how many bytes are tried, and packProbe how many the speed is measured with.
	packSample = 256 << 10
	packProbe  = 4 << 20
	// packAgain is how many frames go as they are behind one that did not shrink.
	packAgain = 16
)

// packings are what is known about a line, in either direction.
type packings struct{ down, up packing }

func newPackings(mode Packing) *packings { return &packings{packing{mode: mode}, packing{mode: mode}} }

// packing is what is known about a line, in one direction.
type packing struct {
	mode    Packing
	known   bool // what auto comes to
	on      bool
	lacking bool // the helper has no gzip

	sample []byte
	bytes  int64
	began  time.Time // the first byte came: how long the helper takes before it is no matter of the line
	took   time.Duration
	skip   int // frames
}

// word is what a request for files says: "z", probeEnd for the beginning of a large file only, or "".
func (p *packing) word(large bool) string {
	switch {
	case p.lacking, p.mode == PackNever:
		return ""
	case p.mode == PackAlways, p.on:
		return "z"
	case !p.known && large:
		return probeEnd()
	}
	return ""
}

func probeEnd() string { return strconv.Itoa(packProbe) }

// saw notes bytes that came.
func (p *packing) saw(data []byte) {
	if p.known {
		return
	}
	if p.began.IsZero() {
		p.began = time.Now()
	}
	p.bytes += int64(len(data))
	p.sample = append(p.sample, data[:min(len(data), packSample-len(p.sample))]...)
}

// decide, at the end of an answer, makes up its mind once enough has come.
func (p *packing) decide() {
	if p.known || p.began.IsZero() {
		return
	}
	p.took += time.Since(p.began)
	p.began = time.Time{}
	if p.bytes < packProbe {
		return
	}
	p.known = true
	p.on = slow(p.bytes, p.took) && shrinks(len(p.sample), packed(p.sample))
	p.sample = nil
}

// again says, behind a request with word that ended with err, what of a part is to be asked for in another way: all, where the
// helper has no gzip, or what is behind its beginning, which ended at end.
func (p *packing) again(part transfer.Part, word string, end int64, err error) (rest transfer.Part, ok bool) {
	p.decide()
	missing, lacks := errors.AsType[*remote.MissingToolError](err)
	switch {
	case lacks && missing.Tool == "gzip" && p.mode == PackAuto:
		p.lacking = true
		return part, true
	case err == nil && word == probeEnd() && end < part.Size:
		part.From = end
		return part, true
	}
	return part, false
}

func slow(bytes int64, took time.Duration) bool { return float64(bytes) < slowLine*took.Seconds() }

// shrinks reports whether packed bytes are at most two thirds.
func shrinks(before int, after []byte) bool { return 3*len(after) <= 2*before }

func packed(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one
	_, _ = z.Write(data)                            // a buffer takes all
	_ = z.Close()
	return b.Bytes()
}

// frame packs a frame that is to be sent where that pays.
func (p *packing) frame(data []byte) (small []byte, ok bool) {
	switch {
	case p.lacking, p.mode == PackNever, p.mode == PackAuto && !slow(p.bytes, p.took), p.mode == PackAuto && p.bytes < packProbe:
		return nil, false
	case p.skip > 0:
		p.skip--
		return nil, false
	}
	small = packed(data)
	if !shrinks(len(data), small) && p.mode == PackAuto {
		p.skip = packAgain
		return nil, false
	}
	return small, true
}

// went notes how long bytes took on their way out.
func (p *packing) went(bytes int, took time.Duration) {
	p.bytes += int64(bytes)
	p.took += took
}

// large reports whether a file is read in one piece that is worth measuring first.
func large(f transfer.Part) bool {
	return f.From == 0 && f.Size >= 4*packProbe && f.Blocks >= 0 && f.Blocks*512 >= f.Size
}
