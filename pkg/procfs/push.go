// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

//go:embed pushargs.sh
var pushArgsScript string

//go:embed pushhead.sh
var pushHeadScript string

//go:embed pushenter.sh
var pushEnterScript string

//go:embed pushinside.sh
var pushInsideScript string

//go:embed push.sh
var pushScript string

//go:embed pushtail.sh
var pushTailScript string

//go:embed have.sh
var haveScript string

//go:embed merge.sh
var mergeScript string

// What Pull and Push may end with, beside the errors of Show.
var (
	ErrNoSpace  = errors.New("no space left there")
	ErrReadOnly = errors.New("read-only file system")
	ErrWrite    = errors.New("could not be written")
	ErrInTheWay = errors.New("something of another kind, or a link, is in its place")
	ErrOwner    = errors.New("the helper may not give it that owner")
)

// copyError is the error that a code of the copying scripts stands for.
func copyError(code int) error {
	known := map[int]error{
		59: ErrNoSpace, 54: ErrReadOnly, 55: ErrWrite, 56: fmt.Errorf("the helper did not get all of it: %w", io.ErrUnexpectedEOF),
		57: ErrInTheWay, 58: ErrOwner,
	}
	if err, ok := known[code]; ok {
		return err
	}
	// The first tools are those of errors.go; these are copying's own.
	own := []string{"sha1sum", "dd", "mv", "rm", "mkdir", "chmod", "touch", "tar", "tee", "chown", "sleep"}
	if i := code - 80; i >= 0 && i < len(own) {
		return &MissingToolError{Tool: own[i]}
	}
	return nil
}

// A Source is what Push writes.
type Source struct {
	// Name is what it is called in a directory. "" means what is in a tree, for a directory that is there.
	Name string
	// Tree says that Write gives a tar archive (GNU format: the helper's tar ignores sizes in PAX) instead of a file's bytes.
	Tree bool
	// Mode, Mtime and Owner (UID:GID, "" for the helper's) are a file's. With an Owner a tree's owners are kept.
	Mode  fs.FileMode
	Mtime time.Time
	Owner string
	// Write gives the bytes, and Again, of a tree, an archive of its directories only, since links come after the rest
	// whatever their place in the archive, and change the times of their directories. An error of theirs ends Push.
	Write func(io.Writer, Rest) error
	Again func(io.Writer) error
	// Open opens the file, or one of a tree. nil says that it can be read once only: then nothing can go on.
	Open func(name string) (fs.File, error)
}

// A Rest is what of a Source is to be written.
type Rest struct {
	From int64                  // of a file: these bytes are there
	Skip func(name string) bool // of a tree: this file is there; nil is none

	sum hash.Hash // of the bytes that are there
}

// Push writes a file or a tree below a process's root, with one command. A directory at the end of the path takes it
// under its name; links are followed, inside the root, but none in last place that leads nowhere. It gets its name
// once all of it is there and its checksum is right, a tree in a directory of that name file by file; after an error
// nothing of it is left. A read-only or full target, a missing folder and the like are ErrReadOnly, ErrNoSpace,
// fs.ErrNotExist, ErrInTheWay and so on, in an *fs.PathError. Found.Path is where it went.
func Push(ctx context.Context, r Runner, w Where, s Source) (Found, error) {
	return Copying{}.Push(ctx, r, w, s)
}

// Push is Push, done that way. A stream that breaks costs one more command: what came of a file stays, and the files of a
// tree that came whole, once both sides agree on their checksums.
func (c Copying) Push(ctx context.Context, r Runner, w Where, s Source) (Found, error) {
	return c.pushIn(ctx, r, procDir, w, s)
}

func (c Copying) pushIn(ctx context.Context, r Runner, proc string, w Where, s Source) (Found, error) {
	if strings.ContainsRune(s.Name, 0) || strings.Contains(s.Name, "/") {
		return Found{}, &fs.PathError{Op: "write", Path: w.Path, Err: fs.ErrInvalid}
	}
	if err := w.checked("write"); err != nil {
		return Found{}, err
	}
	p := &pusher{Copying: c, runner: r, proc: proc, where: w, source: s, path: w.Path, name: s.Name, temp: newTemp()}
	if s.Open == nil {
		p.Again, p.Resume = nil, false
	}
	if p.Resume {
		p.temp = partialTemp(w.Path, s.Name)
		p.earlier = p.temp
	}
	err := p.all(ctx)
	switch {
	case err == nil:
		return p.found, nil
	case ctx.Err() != nil:
		return p.found, context.Cause(ctx)
	case p.local != nil:
		return p.found, p.local
	case errors.Is(err, errRootDenied):
		err = p.id.accessError()
	}
	return p.found, &fs.PathError{Op: "write", Path: w.Path, Err: err}
}

func newTemp() string { return ".shareproc-" + rand.Text()[:16] }

// partialTemp is the name under which a later Push finds what this one leaves.
func partialTemp(path, name string) string {
	sum := sha256.Sum256([]byte(path + "\x00" + name))
	return ".shareproc-" + base32.StdEncoding.EncodeToString(sum[:10]) + ".partial"
}

// A pusher talks to push.sh.
type pusher struct {
	Copying
	runner        Runner
	proc          string
	where         Where
	source        Source
	path, name    string // where it goes, and as what into a directory
	temp, earlier string // what is not finished is called, and what it may be called still, the last name first

	id    identity
	found Found
	local error // the source's
}

// all makes one attempt after the other.
func (p *pusher) all(ctx context.Context) error {
	for {
		err := p.attempt(ctx)
		if err == nil || p.local != nil || ctx.Err() != nil || p.Again == nil || !Broken(err) {
			return err
		}
		again := p.again(ctx, err)
		if !p.Resume {
			p.earlier = strings.TrimSpace(p.temp + " " + p.earlier)
			p.temp = newTemp()
		}
		if !again {
			p.clean(ctx, err)
			return err
		}
	}
}

// clean takes away what the last attempt left, if that can be done at all: not where nothing answers. The script does it by
// itself otherwise.
func (p *pusher) clean(ctx context.Context, cause error) {
	if p.Resume || errors.Is(cause, context.DeadlineExceeded) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lingerTime)
	defer cancel()
	scripts, args := worded(p.scripts(), p.args("drop"))
	feed := newFeeder(ctx, p.runner, len(dictate(newMark(), scripts)), p.source)
	defer feed.close()
	_ = ask(ctx, feed, scripts, args, func(b *bufio.Reader) error { return p.readHead(b) })
}

func (p *pusher) scripts() []string {
	texts := "section || exit\nhaving=$text\nexport having\nsection || exit\nlook=$text\n"
	return []string{
		commonScript + pushArgsScript + pushHeadScript + "work() {\n" + texts + chooseScript() + jailScript + pushEnterScript + "\n}\n" + pushTailScript,
		haveScript, pushInsideScript + pushHeadScript + "guard\n" + resolveScript + pushScript, mergeScript,
	}
}

func (p *pusher) args(how string) []string {
	s, kind := p.source, "file"
	if s.Tree {
		kind = "tree"
	}
	return []string{
		"push", p.proc, strconv.Itoa(p.where.PID), p.where.Container, strings.Join(p.where.options(), ","), p.path, p.name, p.temp, kind,
		fmt.Sprintf("%04o", unixMode(s.Mode, s.Mode.Perm())), strconv.FormatInt(s.Mtime.Unix(), 10), s.Owner, how, p.earlier,
	}
}

func (p *pusher) attempt(ctx context.Context) error {
	var how []string
	switch {
	case p.Resume:
		how = append(how, "keep")
	case p.Again != nil:
		how = append(how, "wait")
	}
	if p.earlier != "" {
		how = append(how, "again")
	}
	scripts, args := worded(p.scripts(), p.args(strings.Join(how, ",")))
	feed := newFeeder(ctx, p.runner, len(dictate(newMark(), scripts)), p.source)
	defer feed.close()
	// The end of ctx ends the payload, and what the helper then has to say is that it took everything away.
	linger, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lingerTime, cancel) })()
	err := ask(linger, feed, scripts, args, func(b *bufio.Reader) error {
		if err := p.readHead(b); err != nil {
			return err
		}
		// Nothing is sent before it is known where it goes: an attempt whose answer never came could have made that, and the
		// next one would take it for a directory to go into.
		var rest Rest
		if p.earlier != "" {
			var err error
			if rest, err = p.readRest(b, feed); err != nil {
				return err
			}
		}
		feed.begin <- rest
		return p.readEnd(b, feed)
	})
	if p.local == nil {
		p.local = feed.failed()
	}
	if err == nil {
		p.local = nil
	}
	return err
}

func (p *pusher) readHead(b *bufio.Reader) error {
	id, err := readIdentity(b)
	if err != nil {
		return err
	}
	p.id, p.found = id, newFound(p.where, id, facts{})
	if err := readFields(b, &p.found.Path); err != nil {
		return err
	}
	// The next attempt goes to the same place, even if this one makes a directory of that name: its answer may get lost.
	if i := strings.LastIndexByte(p.found.Path, '/'); i >= 0 && i+1 < len(p.found.Path) {
		p.path, p.name = p.found.Path[:i+1], p.found.Path[i+1:]
	}
	return nil
}

// readEnd reads the answers to frames, and the sum.
func (p *pusher) readEnd(b *bufio.Reader, feed *feeder) error {
	if err := readSigns(b, feed.answered); err != nil {
		return err
	}
	got, err := readField(b)
	if err == nil && !feed.sent(got) {
		err = ErrDamaged
	}
	return err
}

// readSigns reads signs of life up to something else.
func readSigns(b *bufio.Reader, frame func()) error {
	for {
		switch c, err := b.ReadByte(); {
		case err != nil:
			return cutShort(err)
		case c == '.' && frame != nil:
			frame()
		case c != ',':
			return b.UnreadByte()
		}
	}
}

// lingerTime is how long the helper gets to clean up.
const lingerTime = 5 * time.Second

// unixMode is a mode in the kernel's bits.
func unixMode(mode, perm fs.FileMode) uint32 {
	bits := uint32(perm)
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
