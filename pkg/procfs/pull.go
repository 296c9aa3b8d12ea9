// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed pull.sh
var pullScript string

//go:embed meta.sh
var metaScript string

//go:embed bulk.sh
var bulkScript string

//go:embed one.sh
var oneScript string

//go:embed again.sh
var againScript string

//go:embed follow.sh
var followScript string

// pullTexts reads texts of pull.sh. fs.sh reads the last one before it starts to watch over stdin.
const pullTexts = "for name in bulk one again follow wants look; do section || exit; eval \"$name=\\$text\"; done\nexport bulk one again follow mark\n"

// ErrDamaged says that bytes arrived otherwise than they were sent.
var ErrDamaged = errors.New("what arrived is not what was sent")

// ErrLinkLoop says that a link leads to a directory that it is in.
var ErrLinkLoop = errors.New("a link to a directory that it is in")

// Pull copies a file or a directory with all that is in it, with one command. A link in last place of the path is
// followed; other links are copied as links. What the error leaves open is in Sink.Failed: a nil error says that
// everything else arrived whole. Errors are those of Show, and ErrDamaged.
func Pull(ctx context.Context, r Runner, w Where, sink Sink) (Found, error) {
	return Copying{}.Pull(ctx, r, w, sink)
}

// Pull is Pull, done that way. A stream that breaks costs two more commands: one lists the files, the other one sends those
// that are missing, and the rest of the one that was on its way.
func (c Copying) Pull(ctx context.Context, r Runner, w Where, sink Sink) (Found, error) {
	return c.pullIn(ctx, r, procDir, w, sink)
}

func (c Copying) pullIn(ctx context.Context, r Runner, proc string, w Where, sink Sink) (Found, error) {
	if err := w.checked("copy"); err != nil {
		return Found{}, err
	}
	p := newPuller(c, r, proc, w, sink)
	defer p.drop()
	err := p.all(ctx)
	if err == nil {
		err = p.followAll(ctx)
	}
	switch {
	case p.local != nil:
		return p.found, p.local
	case err == nil:
		return p.found, nil
	case errors.Is(err, errRootDenied):
		err = p.id.accessError()
	}
	return p.found, &fs.PathError{Op: "copy", Path: w.Path, Err: err}
}

// A puller reads the answers of pull.sh.
type puller struct {
	Copying
	runner Runner
	proc   string
	where  Where
	sink   Sink

	id    identity
	found Found
	end   []byte // of content
	local error  // the sink's

	// What earlier attempts have done.
	begun, described bool
	entries          map[string]bool      // what has no content
	failed           map[string]bool      // what the sink was told of
	done             map[settled]struct{} // files
	partial          map[string]partial
	sums             map[string]hash.Hash // of what is there of a file
	missing          map[string]bool      // files that were listed, and have not come yet

	through []string // physical paths of the directories that led here, one in the other
	links   []followed
}

func newPuller(c Copying, r Runner, proc string, w Where, sink Sink) *puller {
	return &puller{
		Copying: c, runner: r, proc: proc, where: w, sink: sink,
		entries: map[string]bool{}, failed: map[string]bool{}, done: map[settled]struct{}{}, partial: map[string]partial{},
		sums: map[string]hash.Hash{},
	}
}

// all makes one attempt after the other.
func (p *puller) all(ctx context.Context) error {
	resume := p.Resume
	for {
		var plan *plan
		var err error
		if resume {
			plan, err = p.plan(ctx)
		}
		if err == nil {
			err = p.attempt(ctx, plan)
		}
		if err == nil || p.local != nil || !p.again(ctx, err) {
			return err
		}
		resume = true
	}
}

// own keeps an error of the sink, which is not about the target.
func (p *puller) own(err error) error {
	if err != nil && p.local == nil {
		p.local = err
	}
	return err
}

// fail tells the sink of a name, once.
func (p *puller) fail(name string, err error) {
	if !p.failed[name] {
		p.failed[name] = true
		p.sink.Failed(name, err)
	}
}

// run asks pull.sh. read gets the answer from behind the kind, "file" or "tree", on.
func (p *puller) run(ctx context.Context, options []string, wants string, read func(*bufio.Reader, string) error) error {
	scripts := []string{
		commonScript + pullTexts + chooseScript() + jailScript + enterScript,
		bulkScript, oneScript, againScript, resolveScript + followScript, wants, insideScript + resolveScript + pullScript, metaScript,
	}
	words := append(p.where.options(), options...)
	if p.Follow {
		words = append(words, "follow")
	}
	args := []string{"pull", p.proc, strconv.Itoa(p.where.PID), p.where.Container, strings.Join(words, ","), p.where.Path}
	return ask(ctx, p.runner, scripts, args, func(b *bufio.Reader) error {
		id, err := readIdentity(b)
		if err != nil {
			return err
		}
		p.id, p.found = id, newFound(p.where, id, facts{})
		f, err := readFacts(b)
		if err != nil {
			return err
		}
		p.found = newFound(p.where, id, f)
		var mark, kind string
		if err := readFields(b, &mark); err != nil {
			return err
		}
		if len(mark) != len(newMark()) {
			return answerError("mark %q", mark)
		}
		p.end = []byte(mark + ".")
		if err := readFields(b, &kind); err != nil {
			return err
		}
		return read(b, kind)
	})
}

// attempt copies what the plan has not done yet.
func (p *puller) attempt(ctx context.Context, plan *plan) error {
	var options []string
	wants := ""
	if plan != nil {
		options, wants = append(options, "again"), plan.text()
		p.missing = plan.missing
	}
	if p.described {
		options = append(options, "nometa")
	}
	if p.Total != nil && plan == nil {
		options = append(options, "sizes")
	}
	p.links = nil
	return p.run(ctx, options, wants, p.read)
}

func (p *puller) read(b *bufio.Reader, kind string) error {
	if !p.begun {
		if err := p.own(p.sink.Begin(p.found)); err != nil {
			return err
		}
		p.begun = true
	}
	if err := p.readSizes(b, kind == "tree"); err != nil {
		return err
	}
	if kind == "tree" {
		for more := true; more; {
			var err error
			if more, err = p.readMeta(b); err != nil {
				return err
			}
		}
		p.described = true
	}
	if err := p.readFrames(b); err != nil {
		return err
	}
	for name := range p.missing {
		return answerError("nothing of %q", name)
	}
	return nil
}

// readSizes reads how much there is.
func (p *puller) readSizes(b *bufio.Reader, tree bool) error {
	text, err := readField(b)
	if err != nil || p.Total == nil {
		return err
	}
	total := p.found.Info.Size()
	if tree {
		total = 0
	}
	for line := range strings.Lines(text) {
		var size, blocks int64
		if _, err := fmt.Sscan(line, &size, &blocks); err != nil {
			return answerError("size %q", line)
		}
		if size >= sparseChunk && blocks*512+sparseChunk < size {
			size = blocks * 512
		}
		total += size
	}
	if text != "" || !tree {
		p.Total(total)
	}
	return nil
}

func (p *puller) readFrames(b *bufio.Reader) error {
	for {
		kind, err := readField(b)
		switch {
		case err != nil:
			return err
		case kind == "":
			return nil
		case kind == "bulk":
			err = p.readBulk(b)
		case kind == "one":
			err = p.readOne(b)
		case kind == "kept":
			err = p.readKept(b)
		case kind == "link":
			err = p.readLink(b)
		default:
			err = answerError("frame %q", kind)
		}
		if err != nil {
			return err
		}
	}
}

// readMeta takes a batch of what has no content.
func (p *puller) readMeta(b *bufio.Reader) (bool, error) {
	names, stats, closed, err := readMetaBatch(b)
	if err != nil || len(names) == 0 {
		return false, err
	}
	for i, name := range names {
		if p.entries[name] {
			continue
		}
		if err := p.takeMeta(name, stats[i].Stat); err != nil {
			return false, err
		}
		p.entries[name] = true
	}
	for _, i := range closed {
		p.fail(names[i], fs.ErrPermission)
	}
	return true, nil
}

// takeMeta hands on what is still what find found.
func (p *puller) takeMeta(name string, s *Stat) error {
	switch {
	case s == nil:
		p.fail(name, errUnreadable)
	case s.FileMode().IsRegular(), s.FileMode()&fs.ModeSymlink != 0 && s.LinkTarget == "":
		p.fail(name, ErrChanged)
	default:
		return p.own(p.sink.Entry(name, s))
	}
	return nil
}
