// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io/fs"
	"time"
)

// Options say what Copy copies, and how.
type Options struct {
	// Source and Dest are paths in their trees, as the user writes them, with slashes: cp(1) gives them their meaning.
	Source, Dest string
	// Preserve keeps owners and the setuid and setgid bits too.
	Preserve bool
	// Resume goes on with what an earlier copy of the same paths left, and leaves what is not finished.
	Resume bool
	// Follow copies what links lead to. Those that lead nowhere, or to a directory that they are in, are reported.
	Follow bool
	// Report hears of each file that is not copied, or not as it is (ErrOwner).
	Report func(path string, err error)
	// Progress hears of bytes that came, a negative number where they have to come again. Total hears how many there are.
	Progress func(bytes int64)
	Total    func(bytes int64)
	// Admit is asked before anything is written, with the physical path, the directory that is written in, and the bytes that go there.
	Admit func(path, dir string, bytes int64) error
	// Retry hears of a broken connection, before the copy waits and goes on.
	Retry func(err error, wait time.Duration)
	// Pauses are the times to wait before each further attempt; nil is DefaultPauses.
	Pauses []time.Duration
}

// A Report says what a copy came to.
type Report struct {
	To     string // the physical path where it went
	Inside bool   // that is in a directory of the given path
	Copied int    // files, directories and links
	Failed int    // what Options.Report heard of, ErrOwner included
	Grown  int    // those of them that are there as a *GrownError says
	Left   string // the directory of what came, where it could not be taken away
}

// A copier is one Copy. What it knows lasts over broken connections.
type copier struct {
	Options
	src, dst Tree
	report   Report
	top      File
	place    *place
	reader   Reader
	items    []*item // sorted, nil until all of them are known
	stage    Stage
	id       string   // its name, or how that begins
	again    bool     // an earlier attempt, or an earlier copy, may have left something
	moving   bool     // Commit was asked for
	looked   bool     // at what the destination has
	kept     bool     // the stage may have something to keep
	drop     []string // of the stage
	fatal    error    // why there is nothing to copy
}

// Copy copies a file or a directory with all that is in it, as `cp -r` would: into a directory under its own name, and merged
// with a directory of that name. Links inside the destination are replaced and not written through, and directories that
// are there stay as they are.
//
// Nothing gets its name before both ends agree on its length and checksum, and what is not finished is taken away, whatever
// ends the copy. A file that cannot be copied is reported, and the rest goes on; an error is about all of it. A connection
// that breaks costs what was on its way.
func Copy(ctx context.Context, dst, src Tree, o Options) (Report, error) {
	c := &copier{Options: o.withDefaults(), src: src, dst: dst, again: o.Resume}
	err := streams(ctx, c)
	if err == nil {
		err = c.run(ctx)
	}
	if c.stage == nil {
		return c.report, err
	}
	keep := c.Resume && err != nil && c.kept
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	closing := c.stage.Close(ctx, keep)
	if IsBroken(closing) {
		closing = c.stage.Close(ctx, keep)
	}
	if closing != nil {
		c.report.Left = join(c.place.dir, c.id)
	}
	if err == nil {
		err = c.write(closing)
	}
	return c.report, err
}

func (o Options) withDefaults() Options {
	if o.Report == nil {
		o.Report = func(string, error) {}
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	if o.Total == nil {
		o.Total = func(int64) {}
	}
	if o.Retry == nil {
		o.Retry = func(error, time.Duration) {}
	}
	if o.Pauses == nil {
		o.Pauses = DefaultPauses()
	}
	return o
}

// run makes one attempt after the other.
func (c *copier) run(ctx context.Context) error {
	_, once := c.src.(*stream)
	for used := 0; ; {
		err := c.attempt(ctx)
		switch {
		case ctx.Err() != nil && err != nil:
			return context.Cause(ctx)
		case err == nil, !IsBroken(err), once:
			return err
		}
		if used++; IsStalled(err) {
			used++
		}
		if used > len(c.Pauses) {
			return err
		}
		wait := c.Pauses[used-1]
		c.Retry(err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
		c.again = true
	}
}

// attempt does what is still to be done.
func (c *copier) attempt(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	if c.again {
		if err := (comparison{c}).compare(ctx); err != nil {
			return err
		}
	}
	if err := c.send(ctx); err != nil {
		return err
	}
	if c.fatal != nil {
		return c.fatal
	}
	if len(c.drop) > 0 {
		if err := c.stage.Remove(ctx, c.drop); err != nil {
			return c.write(err)
		}
	}
	return c.commit(ctx)
}

// begin finds out what there is and where it goes, and makes the stage.
func (c *copier) begin(ctx context.Context) (err error) {
	if c.place == nil {
		if c.top, err = source(ctx, c.src, c.Options); err != nil {
			return c.read(err)
		}
		place, err := destination(ctx, c.dst, c.Source, c.Dest, c.top)
		if err != nil {
			return c.write(err)
		}
		if c.src == c.dst && place.same(c.top) {
			return c.write(ErrSame)
		}
		c.place, c.report.To, c.report.Inside = &place, place.path(), place.inside
	}
	if c.items == nil {
		if c.reader, err = c.src.Open(ctx, c.top.Path); err != nil {
			return c.read(err)
		}
		l := &lister{src: c.src, follow: c.Follow}
		if err := l.all(ctx, c.reader, c.top); err != nil {
			return c.read(err)
		}
		c.items = l.sorted(c.fail)
		leaveHoles(c)
		if c.fatal == nil && (len(c.items) == 0 || c.items[0].Mode.Type() != c.top.Mode.Type()) {
			c.fatal = c.read(ErrChanged)
		}
		if c.fatal != nil {
			return c.fatal
		}
		c.Total(total(c.items))
		if c.Admit != nil {
			if err := c.Admit(c.place.path(), c.place.dir, total(c.items)); err != nil {
				return err
			}
		}
	}
	if c.stage == nil {
		c.id = stageName(c.Resume, c.top.Path, c.place.path())
		c.stage, err = c.dst.Stage(ctx, c.place.dir, c.id, c.Preserve)
	}
	return c.write(err)
}

// stageName is found again by the next copy of the same, or by nobody.
func stageName(resume bool, from, to string) string {
	if !resume {
		return ".shareproc-" + rand.Text()[:16]
	}
	sum := sha256.Sum256([]byte(from + "\x00" + to))
	return ".shareproc-" + base32.StdEncoding.EncodeToString(sum[:10]) + ".partial"
}

// leaveHoles leaves out files whose holes would be looked for for hours. One without any block is a single hole, but in an archive,
// which has no holes.
func leaveHoles(c *copier) {
	_, archive := c.dst.(*archive)
	for _, it := range c.items {
		if err := Sparse(it.Size, it.Blocks); err != nil && it.Mode.IsRegular() && it.state != failed && (archive || it.Blocks > 0) {
			c.fail(it, err)
		}
	}
}

// fail leaves a file out, and what is in it, for what is wrong at the source.
func (c *copier) fail(it *item, err error) { leaveOut(c, it, err, c.read) }

// refuse leaves out what the destination does not take.
func refuse(c *copier, it *item, err error) { leaveOut(c, it, err, c.write) }

func leaveOut(c *copier, it *item, err error, side func(error) error) {
	if it.state == failed {
		return
	}
	c.count(it, 0)
	if it.state = failed; it.seen {
		c.drop = append(c.drop, it.Path)
	}
	if it.Path == "." {
		c.fatal = side(err)
		return
	}
	c.reportFailure(it, err)
	if it.Mode.IsDir() {
		for _, in := range below(c.items, it) {
			c.count(in, 0)
			in.state = failed
		}
	}
}

func (c *copier) reportFailure(it *item, err error) {
	if c.report.Failed++; errors.Is(err, ErrKind) {
		err = kindError(it.Mode)
	}
	c.Report(it.Path, Plain(err))
}

// count says how much of a file has come.
func (c *copier) count(it *item, at int64) {
	if n := at - it.counted; n != 0 {
		it.counted = at
		c.Progress(n)
	}
}

func (c *copier) read(err error) error { return sided("read", c.Source, err) }

func (c *copier) write(err error) error { return sided("write", c.Dest, err) }

func sided(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: Plain(err)}
}
