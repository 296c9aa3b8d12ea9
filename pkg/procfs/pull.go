// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
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

// pullTexts reads texts of pull.sh. fs.sh reads the last one before it starts to watch over stdin.
const pullTexts = "section || exit\nbulk=$text\nsection || exit\none=$text\n"

// ErrDamaged says that bytes arrived otherwise than they were sent.
var ErrDamaged = errors.New("what arrived is not what was sent")

// A Sink takes what Pull copies. Names are relative, separated by slashes, with any bytes but NUL; "" is the file or
// directory that was asked for. An error of a Sink ends Pull.
type Sink interface {
	// Begin is called once, before everything else.
	Begin(Found) error
	// Entry takes what has no content. A directory comes before what is in it, but a file may come without any.
	Entry(name string, s *Stat) error
	// Create takes a regular file. A nil Content leaves it out; it may come again after Abort.
	Create(name string, s *Stat) (Content, error)
	// Failed is told what is not copied, or not as it is: the rest goes on.
	Failed(name string, err error)
}

// A Content is a regular file on its way.
type Content interface {
	io.Writer
	// Skip stands for so many zeros.
	Skip(n int64) error
	// Commit is called when all of it has come and is known to be right.
	Commit() error
	// Abort is called instead where it is not.
	Abort()
}

// Pull copies a file or a directory with all that is in it, with one command. A link in last place of the path is
// followed; other links are copied as links. What the error leaves open is in Sink.Failed: a nil error says that
// everything else arrived whole. Errors are those of Show, and ErrDamaged.
func Pull(ctx context.Context, r Runner, w Where, sink Sink) (Found, error) {
	return pullIn(ctx, r, procDir, w, sink)
}

func pullIn(ctx context.Context, r Runner, proc string, w Where, sink Sink) (Found, error) {
	options := ""
	if w.Alone {
		options += optionAlone + ","
	}
	if w.Siblings {
		options += optionSiblings
	}
	switch {
	case strings.ContainsRune(w.Path, 0):
		return Found{}, &fs.PathError{Op: "copy", Path: w.Path, Err: fs.ErrInvalid}
	case len(w.Path) > pathMax:
		return Found{}, &fs.PathError{Op: "copy", Path: w.Path, Err: ErrNameTooLong}
	}
	scripts := []string{commonScript + resolveScript + pullTexts + chooseScript() + pullScript, bulkScript, oneScript, metaScript}
	args := []string{"pull", proc, strconv.Itoa(w.PID), w.Container, options, w.Path}
	p := &puller{sink: sink}
	var found Found
	var id identity
	err := ask(ctx, r, scripts, args, func(b *bufio.Reader) error {
		var err error
		if id, err = readIdentity(b); err != nil {
			return err
		}
		found = newFound(w, id, facts{})
		f, err := readFacts(b)
		if err != nil {
			return err
		}
		found = newFound(w, id, f)
		return p.read(b, found)
	})
	switch {
	case p.local != nil:
		return found, p.local
	case err == nil:
		return found, nil
	case errors.Is(err, errRootDenied):
		err = id.accessError()
	}
	return found, &fs.PathError{Op: "copy", Path: w.Path, Err: err}
}

// chooseScript is what fs.sh does before it looks at the path: it finds the process and its $root.
func chooseScript() string {
	text, _, _ := strings.Cut(fsScript, "\nfollow=1\n")
	return text + "\n"
}

// A puller reads the answer of pull.sh.
type puller struct {
	sink  Sink
	end   []byte // of content
	local error  // the sink's
}

// own keeps an error of the sink, which is not about the target.
func (p *puller) own(err error) error {
	if err != nil && p.local == nil {
		p.local = err
	}
	return err
}

func (p *puller) read(b *bufio.Reader, found Found) error {
	var mark, kind string
	if err := readFields(b, &mark); err != nil {
		return err
	}
	if len(mark) != len(newMark()) {
		return fmt.Errorf("read answer of helper: mark %q", mark)
	}
	p.end = []byte(mark + ".")
	if err := readFields(b, &kind); err != nil {
		return err
	}
	if err := p.own(p.sink.Begin(found)); err != nil {
		return err
	}
	if kind == "tree" {
		for more := true; more; {
			var err error
			if more, err = p.readMeta(b); err != nil {
				return err
			}
		}
	}
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
			err = p.readOne(b, found)
		default:
			err = fmt.Errorf("read answer of helper: frame %q", kind)
		}
		if err != nil {
			return err
		}
	}
}

// relative is a path as find says it, without its "./".
func relative(path string) (string, error) {
	if path == "." {
		return "", nil
	}
	name, ok := strings.CutPrefix(path, "./")
	for part := range strings.SplitSeq(name, "/") {
		ok = ok && validName(part)
	}
	if !ok {
		return "", fmt.Errorf("read answer of helper: path %q", path)
	}
	return name, nil
}

// readNames reads paths up to an empty one.
func readNames(b *bufio.Reader) ([]string, error) {
	var names []string
	for {
		path, err := readField(b)
		if err != nil || path == "" {
			return names, err
		}
		name, err := relative(path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// readStats reads a line of facts for each of so many names, nil for "-".
func readStats(b *bufio.Reader, names int) ([]*Stat, error) {
	text, err := readField(b)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != names {
		return nil, fmt.Errorf("read answer of helper: %d names, facts about %d", names, len(lines))
	}
	stats := make([]*Stat, names)
	for i, line := range lines {
		if line == "-" {
			continue
		}
		if stats[i], err = parseStat(line); err != nil {
			return nil, err
		}
	}
	return stats, nil
}

// readMeta reads a batch of meta.sh. There is none more where it has no names.
func (p *puller) readMeta(b *bufio.Reader) (bool, error) {
	names, err := readNames(b)
	if err != nil || len(names) == 0 {
		return false, err
	}
	stats, err := readStats(b, len(names))
	if err != nil {
		return false, err
	}
	entries := make([]Entry, len(names))
	for i := range names {
		entries[i] = Entry{name: names[i], stat: stats[i]}
	}
	if err := readLinks(b, entries); err != nil {
		return false, err
	}
	closed, err := readField(b)
	if err != nil {
		return false, err
	}
	if err := p.takeMeta(entries); err != nil {
		return false, err
	}
	for _, word := range strings.Fields(closed) {
		i, err := strconv.Atoi(word)
		if err != nil || i < 0 || i >= len(names) {
			return false, fmt.Errorf("read answer of helper: directory %q of %d", word, len(names))
		}
		p.sink.Failed(names[i], fs.ErrPermission)
	}
	return true, nil
}

// takeMeta hands on what is still what find found.
func (p *puller) takeMeta(entries []Entry) error {
	for _, e := range entries {
		switch {
		case e.stat == nil:
			p.sink.Failed(e.name, errUnreadable)
		case e.Type() == 0, e.Type() == fs.ModeSymlink && e.stat.LinkTarget == "":
			p.sink.Failed(e.name, ErrChanged)
		default:
			if err := p.own(p.sink.Entry(e.name, e.stat)); err != nil {
				return err
			}
		}
	}
	return nil
}
