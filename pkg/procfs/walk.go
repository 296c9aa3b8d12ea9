// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
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
	walk := &walk{tree: newTree("walk", w, opts.TreeOptions), fn: fn}
	walk.items['w'] = walk.batch
	return walk.ask(ctx, r, proc, q)
}

type walk struct {
	*tree
	fn func(string, Entry) error
}

// A walked entry is one path of a batch.
type walked struct {
	Entry
	path    string
	depth   int
	bare    bool // no line of facts is about it: it is gone, or denied
	gone    bool
	closed  bool // a directory that does not open
	omitted bool // too long for a path: remark "o" names it, or what it is in
}

// batch reads one item of walk.sh.
func (w *walk) batch(r *bufio.Reader, _ string) error {
	list, err := w.paths(r)
	if err != nil {
		return err
	}
	long, err := w.remarks(r, list)
	if err != nil {
		return err
	}
	if err := w.lines(r, list); err != nil {
		return err
	}
	for i := range list {
		if err := w.hand(&list[i]); err != nil {
			return err
		}
	}
	for _, e := range long {
		if err := w.hand(&e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) paths(r *bufio.Reader) ([]walked, error) {
	var list []walked
	for {
		sent, err := readField(r)
		if err != nil || sent == "" {
			return list, err
		}
		var e walked
		if e.path, e.depth, err = w.below(sent); err != nil {
			return nil, err
		}
		e.name, e.omitted = path.Base(e.path), len(sent) > pathMax
		list = append(list, e)
	}
}

// remarks reads what walk.sh says beside the facts, and returns the names that it could not make paths of.
func (w *walk) remarks(r *bufio.Reader, list []walked) (long []walked, err error) {
	for {
		remark, err := readField(r)
		if err != nil || remark == "" {
			return long, err
		}
		if remark[0] == 'o' || remark[0] == 'c' {
			e := walked{bare: true}
			if e.path, e.depth, err = w.below(remark[1:]); err != nil {
				return nil, err
			}
			if remark[0] == 'o' {
				e.name, e.err = path.Base(e.path), ErrNameTooLong
				long = append(long, e)
			} else if i := slices.IndexFunc(list, func(l walked) bool { return l.path == e.path }); i >= 0 {
				list[i].closed = true
			}
			continue
		}
		number, target, _ := strings.Cut(remark[1:], ":")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(list) {
			return nil, fmt.Errorf("read tree: remark %.20q about %d paths", remark, len(list))
		}
		if err := list[i].remark(remark[0], target); err != nil {
			return nil, err
		}
	}
}

func (e *walked) remark(kind byte, target string) error {
	switch kind {
	case 'g':
		e.bare, e.gone, e.err = true, true, fs.ErrNotExist
	case 'd':
		e.bare, e.err = true, errUnreadable
	case 'l':
		e.stat = &Stat{LinkTarget: target}
	default:
		return fmt.Errorf("read tree: remark %q", kind)
	}
	return nil
}

// lines reads the facts, one line for each path that was there.
func (w *walk) lines(r *bufio.Reader, list []walked) error {
	text, err := readField(r)
	if err != nil {
		return err
	}
	for i := range list {
		e := &list[i]
		if e.bare {
			continue
		}
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return fmt.Errorf("read tree: no facts about %.200q", e.path)
		}
		text = rest
		target := ""
		if e.stat != nil {
			target, e.stat = e.stat.LinkTarget, nil
		}
		if line == "-" {
			e.bare, e.gone, e.err = true, true, fs.ErrNotExist
			continue
		}
		if e.stat, err = parseStat(line); err != nil {
			return err
		}
		e.stat.LinkTarget = target
		w.facts.name(e.stat)
	}
	if text != "" {
		return fmt.Errorf("read tree: facts about nothing: %.40q", text)
	}
	return nil
}

// hand gives an entry to the caller, and keeps what is wrong with it.
func (w *walk) hand(e *walked) error {
	within := w.opts.MaxDepth == 0 || e.depth <= w.opts.MaxDepth
	inner := w.opts.MaxDepth == 0 || e.depth < w.opts.MaxDepth
	elsewhere := w.opts.OneFileSystem && e.stat != nil && e.stat.Dev != w.facts.stat.Dev
	switch {
	case !within || e.omitted:
		return nil
	case e.gone && volatile(e.path):
		return nil
	case e.bare:
		w.failed.add("lstat", e.path, e.err)
	case e.closed && inner && !elsewhere:
		w.failed.add("open", e.path, fs.ErrPermission)
	}
	if e.gone {
		return nil
	}
	return w.call(w.fn(e.path, e.Entry))
}
