// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
)

//go:embed walk.sh
var walkScript string

// WalkOptions say how far Walk goes and what it asks for.
type WalkOptions struct {
	TreeOptions
	// LinkTargets also reads what is written in links, which costs a process in the helper for each.
	LinkTargets bool
}

// Walk calls fn for the file at w.Path and all that is below it, as the answer arrives: a directory before what is in
// it, in no other order. One command answers for a tree of any size, and no more than a batch of it is ever held. path is from
// the process's root and without links, except in last place: links are not followed on the way, only to the start.
//
// What could not be read is in the *TreeError at the end: directories that do not open, what vanished meanwhile, paths
// that are too long. A name without facts is given to fn too, its Info says why; what vanished is not, and
// below /proc it is no failure either. An error of fn ends
// Walk and is returned as it is. Other errors are Show's.
func Walk(ctx context.Context, r Runner, w Where, opts WalkOptions, fn func(path string, e Entry) error) (Found, error) {
	return walkIn(ctx, r, procDir, w, opts, fn)
}

func walkIn(ctx context.Context, r Runner, proc string, w Where, opts WalkOptions, fn func(string, Entry) error) (Found, error) {
	q := w.query(verbWalk)
	q.batch = walkScript
	if opts.LinkTargets {
		q.options = append(q.options, optionLinks)
	}
	walk := newWalk(w, opts, fn)
	return walk.ask(ctx, r, proc, q)
}

type walk struct {
	*tree
	fn    func(string, Entry) error
	links bool
	batch []string            // the paths of the batch that is being read, as the script writes them, that facts came of
	due   int                 // how many of it have been accounted for neither by facts nor by a remark
	had   map[string]struct{} // batch, once remarks have to be told from facts
}

func newWalk(where Where, opts WalkOptions, fn func(string, Entry) error) *walk {
	w := &walk{tree: newTree("walk", where, opts.TreeOptions), fn: fn, links: opts.LinkTargets}
	w.items['w'] = w.readBatch
	w.items['o'] = func(_ *bufio.Reader, sent string) error { return w.bare(sent, ErrNameTooLong) }
	for kind, err := range map[byte]error{'g': fs.ErrNotExist, 'd': errUnreadable, 'p': ErrChanged} {
		w.items[kind] = func(_ *bufio.Reader, sent string) error { return w.remark(sent, err) }
	}
	w.settle = func() error {
		if w.due != 0 {
			return fmt.Errorf("%w: %d files of a tree are not accounted for", ErrRead, w.due)
		}
		return nil
	}
	return w
}

// readBatch reads an item "w" of walk.sh.
func (w *walk) readBatch(r *bufio.Reader, count string) (err error) {
	if err := w.settle(); err != nil {
		return err
	}
	if w.due, err = strconv.Atoi(count); err != nil || w.due < 0 {
		return fmt.Errorf("read tree: a batch of %.20q", count)
	}
	w.batch, w.had = w.batch[:0], nil
	var targets map[string]string
	if w.links {
		if targets, err = readTargets(r); err != nil {
			return err
		}
	}
	for {
		sent, line, err := readRecord(r)
		if err != nil || sent == "" {
			return err
		}
		if w.due--; w.due < 0 {
			return fmt.Errorf("read tree: more than the batch has: %.200q", sent)
		}
		w.batch = append(w.batch, sent)
		if err := w.take(sent, line, targets); err != nil {
			return err
		}
	}
}

// take gives a file to the caller.
func (w *walk) take(sent, line string, targets map[string]string) error {
	file, _, err := w.below(sent)
	if err != nil {
		return err
	}
	s, err := parseStat(line)
	if err != nil {
		return err
	}
	s.LinkTarget = targets[sent]
	w.facts.name(s)
	return w.call(w.fn(file, Entry{name: path.Base(file), stat: s}))
}

// remark is about a path of a batch that stat had trouble with: most of them have facts all the same.
func (w *walk) remark(sent string, err error) error {
	if w.had == nil {
		w.had = make(map[string]struct{}, len(w.batch))
		for _, path := range w.batch {
			w.had[path] = struct{}{}
		}
	}
	if _, known := w.had[sent]; known {
		return nil
	}
	w.had[sent] = struct{}{}
	if w.due--; w.due < 0 {
		return fmt.Errorf("read tree: more than the batch has: %.200q", sent)
	}
	if len(sent) > pathMax {
		// What it is in is asked for such names: the item "o".
		_, _, err := w.below(sent)
		return err
	}
	return w.bare(sent, err)
}

// bare keeps what is wrong with a path, and gives its name to the caller unless it is gone.
func (w *walk) bare(sent string, cause error) error {
	file, depth, err := w.below(sent)
	if err != nil || w.opts.MaxDepth != 0 && depth > w.opts.MaxDepth {
		return err
	}
	gone := errors.Is(cause, fs.ErrNotExist)
	if gone && volatile(file) {
		return nil
	}
	w.failed.add("lstat", file, cause)
	if gone {
		return nil
	}
	return w.call(w.fn(file, Entry{name: path.Base(file), err: cause}))
}

// readTargets reads what is written in the links of a batch.
func readTargets(r *bufio.Reader) (map[string]string, error) {
	targets := map[string]string{}
	for {
		sent, err := readField(r)
		if err != nil || sent == "" {
			return targets, err
		}
		if targets[sent], err = readField(r); err != nil {
			return nil, err
		}
	}
}

// readRecord reads a path, "//", a line of facts; or NUL, for which the path is "". A path may have newlines, and no
// two slashes in a row.
func readRecord(r *bufio.Reader) (sent, line string, err error) {
	first, err := r.Peek(1)
	if err != nil {
		return "", "", cutShort(err)
	}
	if first[0] == 0 {
		_, err := r.Discard(1)
		return "", "", err
	}
	var kept []byte
	for {
		part, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", "", cutShort(err)
		}
		record := part
		if kept != nil || err != nil {
			kept = append(kept, part...)
			record = kept
		}
		if err == nil {
			if bytes.IndexByte(record, 0) >= 0 {
				return "", "", fmt.Errorf("read tree: a NUL in %.200q", record)
			}
			if i := bytes.Index(record, []byte("//")); i >= 0 {
				return string(record[:i]), string(record[i+2 : len(record)-1]), nil
			}
			if kept == nil {
				kept = bytes.Clone(part)
			}
		}
		if len(kept) > recordMax {
			return "", "", fmt.Errorf("read tree: a record without end: %.200q", kept)
		}
	}
}

// recordMax is more than a path and its facts can have.
const recordMax = 64 << 10
