// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	"crypto/md5" //nolint:gosec // see content.go
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed pushhead.sh
var pushHeadScript string

//go:embed push.sh
var pushScript string

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
	own := []string{"md5sum", "dd", "mv", "rm", "mkdir", "chmod", "touch", "tar", "tee", "chown"}
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
	Write, Again func(io.Writer) error
}

// Push writes a file or a tree below a process's root, with one command. A directory at the end of the path takes it
// under its name; links are followed, inside the root, but none in last place that leads nowhere. It gets its name
// once all of it is there and its checksum is right, a tree in a directory of that name file by file; after an error
// nothing of it is left. A read-only or full target, a missing folder and the like are ErrReadOnly, ErrNoSpace,
// fs.ErrNotExist, ErrInTheWay and so on, in an *fs.PathError. Found.Path is where it went.
func Push(ctx context.Context, r Runner, w Where, s Source) (Found, error) {
	return pushIn(ctx, r, procDir, w, s)
}

func pushIn(ctx context.Context, r Runner, proc string, w Where, s Source) (Found, error) {
	if strings.ContainsRune(w.Path+s.Name, 0) || strings.Contains(s.Name, "/") {
		return Found{}, &fs.PathError{Op: "write", Path: w.Path, Err: fs.ErrInvalid}
	}
	kind := "file"
	if s.Tree {
		kind = "tree"
	}
	options := ""
	if w.Alone {
		options += optionAlone + ","
	}
	if w.Siblings {
		options += optionSiblings
	}
	mode := s.Mode.Perm()
	args := []string{
		"push", proc, strconv.Itoa(w.PID), w.Container, options, w.Path, s.Name, ".shareproc-" + rand.Text()[:16], kind,
		fmt.Sprintf("%04o", unixMode(s.Mode, mode)), strconv.FormatInt(s.Mtime.Unix(), 10), s.Owner,
	}
	scripts := []string{commonScript + resolveScript + pushHeadScript + chooseScript() + pushScript, mergeScript}
	scripts, args = worded(scripts, args)
	feed := newFeeder(ctx, r, len(dictate(newMark(), scripts)), s)
	defer feed.close()
	var found Found
	var id identity
	// The end of ctx ends the payload, and what the helper then has to say is that it took everything away.
	linger, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lingerTime, cancel) })()
	err := ask(linger, feed, scripts, args, func(b *bufio.Reader) error {
		var err error
		if id, err = readIdentity(b); err != nil {
			return err
		}
		found = newFound(w, id, facts{})
		var got string
		if err := readFields(b, &found.Path, &got); err != nil {
			return err
		}
		if got != feed.sum() {
			return ErrDamaged
		}
		return nil
	})
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return found, context.Cause(ctx)
	case feed.failed() != nil:
		return found, feed.failed()
	case errors.Is(err, errRootDenied):
		err = id.accessError()
	}
	return found, &fs.PathError{Op: "write", Path: w.Path, Err: err}
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

// A feeder puts a payload behind the script on a command's stdin.
type feeder struct {
	Runner
	ctx    context.Context //nolint:containedctx // of the payload, which ends before the command does
	script int
	source Source
	reader *io.PipeReader
	writer *io.PipeWriter

	mu   sync.Mutex
	hash hash.Hash
	err  error
}

func newFeeder(ctx context.Context, r Runner, script int, s Source) *feeder {
	f := &feeder{Runner: r, ctx: ctx, script: script, source: s, hash: md5.New()} //nolint:gosec // see content.go
	f.reader, f.writer = io.Pipe()
	return f
}

func (f *feeder) close() { f.reader.CloseWithError(io.ErrClosedPipe) }

func (f *feeder) sum() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hex.EncodeToString(f.hash.Sum(nil))
}

func (f *feeder) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Run gives the command the script first, then the payload, then what ask has for it: its end.
func (f *feeder) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	script, over := make([]byte, f.script), make(chan struct{})
	if _, err := io.ReadFull(stdin, script); err != nil {
		return err
	}
	go f.frames()
	go func() {
		// The answer is there, or nobody waits for it any more: the payload is of no use.
		defer close(over)
		_, _ = io.Copy(io.Discard, stdin)
		f.reader.CloseWithError(io.ErrClosedPipe)
	}()
	stop := context.AfterFunc(f.ctx, func() { //nolint:contextcheck // the payload ends before the command
		f.writer.CloseWithError(context.Cause(f.ctx))
	})
	defer stop()
	return f.Runner.Run(ctx, argv, &fed{script, f.reader, over, f.ctx}, stdout, stderr)
}

// frames writes the payload.
func (f *feeder) frames() {
	err := f.part(f.source.Write)
	if err == nil && f.source.Tree {
		err = f.part(f.source.Again)
	}
	f.mu.Lock()
	if !errors.Is(err, io.ErrClosedPipe) {
		f.err = err
	}
	f.mu.Unlock()
	f.writer.CloseWithError(err)
}

// part writes one stream of frames, its end and its sum.
func (f *feeder) part(write func(io.Writer) error) error {
	f.mu.Lock()
	f.hash.Reset()
	f.mu.Unlock()
	buffered := bufio.NewWriterSize(frameWriter{f}, frameSize)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f.writer, "0\n%s\n", f.sum())
	return err
}

const frameSize = 1 << 20

// A frameWriter makes a frame of each write.
type frameWriter struct{ *feeder }

func (w frameWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), frameSize)]
		rest = rest[len(part):]
		w.mu.Lock()
		w.hash.Write(part)
		w.mu.Unlock()
		if _, err := fmt.Fprintf(w.writer, "%d\n", len(part)); err != nil {
			return 0, err
		}
		if _, err := w.writer.Write(part); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// fed is the command's stdin.
type fed struct {
	script  []byte
	payload *io.PipeReader
	over    <-chan struct{}
	ctx     context.Context //nolint:containedctx // a Read has none
}

// Read gives an end only where the answer is there or the payload failed: the command takes that for a cut.
func (f *fed) Read(p []byte) (int, error) {
	if len(f.script) > 0 {
		n := copy(p, f.script)
		f.script = f.script[n:]
		return n, nil
	}
	n, err := f.payload.Read(p)
	if errors.Is(err, io.EOF) {
		select {
		case <-f.over:
		case <-f.ctx.Done():
		}
	}
	if err != nil {
		err = io.EOF
	}
	return n, err
}
