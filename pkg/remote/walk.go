// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// TreeOptions say how far Walk goes, and Sum and Grep.
type TreeOptions struct {
	// MaxDepth is the number of levels below the start that are looked at; 0 means all of them.
	MaxDepth int
	// OneFileSystem stays on the start's file system: volumes are named, and not entered.
	OneFileSystem bool
	// KernelFiles enters kernel file systems (/proc, /sys, wherever they are mounted). They are named in any case, and entered
	// where they, or what is below them, are the start.
	KernelFiles bool
}

// WalkOptions say how far Walk goes and what it asks for.
type WalkOptions struct {
	TreeOptions
	// LinkTargets also reads what is written in links.
	LinkTargets bool
}

// Walk calls fn for the file at a path and all that is below it, as the answer arrives: a directory before what is in it,
// in no other order. One request answers for a tree of any size, and no more than a record of it is ever held. Paths are from
// the process's root and without links, except in last place: links are not followed on the way, only to the start.
//
// What could not be read is in the *TreeError at the end: directories that do not open, what vanished during the walk, paths
// that are too long. A name without facts is given to fn too, its Info says why; what vanished is not, and
// below /proc it is no failure either. An error of fn ends Walk and is returned as it is.
func (r *Root) Walk(ctx context.Context, name string, opts WalkOptions, fn func(path string, e Entry) error) (Info, error) {
	return r.walk(ctx, &reader{root: r, start: name}, opts, fn)
}

func (r *Root) walk(ctx context.Context, from *reader, opts WalkOptions, fn func(path string, e Entry) error) (Info, error) {
	name := from.start
	w := &walk{reader: from, opts: opts, fn: fn, seed: maphash.MakeSeed()}
	find, xargs, err := w.list(ctx)
	switch {
	case err != nil:
		return w.info, err
	case xargs != 0 && xargs != 123 && xargs != 1: // xargs(1): 123 and, from GNU stat, 1 are about single files
		return w.info, &fs.PathError{Op: "walk", Path: name, Err: ErrRead}
	case find != 0 || xargs != 0:
		if err := w.complete(ctx); err != nil {
			return w.info, err
		}
	}
	if w.failed.Count > 0 {
		return w.info, &w.failed
	}
	return w.info, nil
}

// A walk is one tree while it is listed.
type walk struct {
	*reader
	opts WalkOptions
	fn   func(string, Entry) error

	info   Info
	here   string // how find calls the start
	seed   maphash.Seed
	seen   []uint64 // hashes of the paths that have come, in case that some have not
	failed TreeError
}

// find is what find is asked for.
func (w *walk) find(mode string) request {
	q := w.request("walk", nil, mode)
	if w.opts.MaxDepth > 0 {
		q.args = append(q.args, "-maxdepth", strconv.Itoa(w.opts.MaxDepth))
	}
	if w.opts.OneFileSystem {
		q.args = append(q.args, "-xdev")
	}
	if !w.opts.KernelFiles {
		q.names = w.root.mounts.kernels()
	}
	return q
}

// list is the first look, which is the only one where nothing stands against it. It returns how find and xargs ended.
func (w *walk) list(ctx context.Context) (find, xargs int, err error) {
	mode := ""
	if w.opts.LinkTargets {
		mode = "links"
	}
	err = w.root.call(ctx, "walk", w.start, w.find(mode), func(b *bufio.Reader) error {
		var err error
		find, xargs, err = w.read(b)
		return err
	})
	return find, xargs, err
}

// read reads the answer to list.
func (w *walk) read(b *bufio.Reader) (find, xargs int, err error) {
	if err := w.begin(b); err != nil {
		return 0, 0, err
	}
	for {
		sent, s, err := w.record(b)
		switch {
		case err != nil:
			return 0, 0, err
		case s == nil:
			return readState(b)
		}
		w.seen = append(w.seen, maphash.String(w.seed, sent))
		file, _, err := w.below(sent)
		if err != nil {
			return 0, 0, err
		}
		w.root.name(s)
		if err := called(w.fn(file, Entry{name: path.Base(file), stat: s})); err != nil {
			return 0, 0, err
		}
	}
}

// begin reads what comes in front of a tree.
func (w *walk) begin(b *bufio.Reader) error {
	var line, opened string
	if err := readFields(b, &w.info.Path, &line, &opened); err != nil {
		return err
	}
	var err error
	if w.info.Stat, err = parseStat(line); err != nil {
		return err
	}
	w.root.name(w.info.Stat)
	w.here = "."
	if w.stage != nil && !w.info.FileMode().IsDir() {
		w.here = "./t"
	} else if !w.info.FileMode().IsDir() {
		w.here = "./" + path.Base(w.info.Path)
	} else if opened == "" {
		w.failed = TreeError{}
		w.failed.add("open", w.info.Path, fs.ErrPermission)
	}
	return nil
}

// record reads PATH "//" facts and, with link targets, "//" and what stat's %N has: PATH, with quotes where it is a link, an arrow
// and the target. A nil Stat is the end.
func (w *walk) record(b *bufio.Reader) (sent string, s *Stat, err error) {
	first, err := b.Peek(1)
	switch {
	case err != nil:
		return "", nil, unexpected(err)
	case first[0] == 0:
		_, err := b.Discard(1)
		return "", nil, err
	}
	if sent, err = readUntil(b, "//"); err != nil {
		return "", nil, err
	}
	end := "\n"
	if w.opts.LinkTargets {
		end = "//"
	}
	line, err := readUntil(b, end)
	if err != nil {
		return "", nil, err
	}
	if s, err = parseStat(line); err != nil || !w.opts.LinkTargets {
		return sent, s, err
	}
	s.LinkTarget, err = readTarget(b, sent, s)
	return sent, s, err
}

// readTarget reads the rest of a line. How long a target is says the link's size, so that it may hold anything; only of a link of
// the kernel's it does not.
func readTarget(b *bufio.Reader, sent string, s *Stat) (string, error) {
	if s.FileMode().Type() != fs.ModeSymlink {
		return "", expect(b, sent+"\n")
	}
	quote := ""
	if c, err := b.Peek(1); err == nil && c[0] == '\'' {
		quote = "'"
	}
	if err := expect(b, quote+sent+quote+" -> "+quote); err != nil {
		return "", err
	}
	if s.Size == 0 || s.Size == 64 && s.Blocks == 0 && s.Mode&0o200 == 0 {
		text, err := readUntil(b, "\n")
		return strings.TrimSuffix(text, quote), err
	}
	target := make([]byte, min(s.Size, pathMax+1))
	if _, err := io.ReadFull(b, target); err != nil {
		return "", unexpected(err)
	}
	return string(target), expect(b, quote+"\n")
}

// expect reads a text that has to come.
func expect(b *bufio.Reader, text string) error {
	got := make([]byte, len(text))
	if _, err := io.ReadFull(b, got); err != nil {
		return unexpected(err)
	}
	if string(got) != text {
		return fmt.Errorf("read tree: %.200q instead of %.200q", got, text)
	}
	return nil
}

// readUntil reads up to a text whose last byte is not in it before.
func readUntil(b *bufio.Reader, end string) (string, error) {
	var kept []byte
	for {
		part, err := b.ReadSlice(end[len(end)-1])
		kept = append(kept, part...)
		switch {
		case err == nil && bytes.HasSuffix(kept, []byte(end)):
			return string(kept[:len(kept)-len(end)]), nil
		case err != nil && err != bufio.ErrBufferFull: //nolint:errorlint // as bufio gives it
			return "", unexpected(err)
		case len(kept) > 2*pathMax:
			return "", errEndless
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // as io gives it
		return io.ErrUnexpectedEOF
	}
	return err
}

// readState reads how find and xargs ended.
func readState(b *bufio.Reader) (find, xargs int, err error) {
	state, err := readField(b)
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(state)
	if len(f) != 4 {
		return 0, 0, fmt.Errorf("read tree: end %.40q", state)
	}
	if find, err = number(f[1]); err != nil {
		return 0, 0, err
	}
	xargs, err = number(f[3])
	return find, xargs, err
}

// below makes a path of find's one of the process's root. Depth is the number of levels below the start.
func (w *walk) below(sent string) (file string, depth int, err error) {
	rest, ok := strings.CutPrefix(sent, w.here)
	if !ok || rest != "" && rest[0] != '/' {
		return "", 0, fmt.Errorf("read tree: path %.200q is not below %.200q", sent, w.here)
	}
	if rest == "" {
		return w.info.Path, 0, nil
	}
	for name := range strings.SplitSeq(rest[1:], "/") {
		depth++
		if !validName(name) {
			return "", 0, fmt.Errorf("read tree: path %.200q", sent)
		}
	}
	return strings.TrimSuffix(w.info.Path, "/") + rest, depth, nil
}

// batchMost is how many names go with one request, and batchBytes how long they are together.
const (
	batchMost  = 2000
	batchBytes = 400_000
)

// batches splits names into what fits into a request. Those with a newline come alone, in the second list.
func batches(names []string) (batches [][]string, odd []string) {
	size := 0
	for _, name := range names {
		if strings.Contains(name, "\n") {
			odd = append(odd, name)
			continue
		}
		last := len(batches) - 1
		if last < 0 || len(batches[last]) == batchMost || size+len(name) > batchBytes {
			batches, size, last = append(batches, nil), 0, last+1
		}
		batches[last] = append(batches[last], name)
		size += len(name) + 1
	}
	return batches, odd
}

// complete finds out what the first look has missed: directories that do not open, files without facts, names that are too long.
func (w *walk) complete(ctx context.Context) error {
	w.failed = TreeError{}
	slices.Sort(w.seen)
	directories, err := w.names(ctx, "directories")
	if err != nil {
		return err
	}
	all, err := w.names(ctx, "names")
	if err != nil {
		return err
	}
	closed, err := w.closed(ctx, directories)
	if err != nil {
		return err
	}
	if err := w.missing(ctx, all); err != nil {
		return err
	}
	if err := w.inside(ctx, directories, closed, all); err != nil {
		return err
	}
	w.silent(all)
	if w.failed.Count == 0 && !w.opts.KernelFiles && !w.root.Kernel(w.info.Path) {
		w.failed.add("walk", w.info.Path, ErrChanged)
	}
	return nil
}

// names asks find for nothing but names, of all files or of directories.
func (w *walk) names(ctx context.Context, mode string) ([]string, error) {
	var names []string
	failed := w.failed
	q := w.find(mode)
	err := w.root.call(ctx, "walk", w.start, q, func(b *bufio.Reader) error {
		if err := w.begin(b); err != nil {
			return err
		}
		w.failed = failed
		for {
			name, err := readField(b)
			if err != nil || name == "" {
				_, _ = readField(b)
				return err
			}
			if len(names) > len(w.seen)+1_000_000 {
				return errEndless
			}
			names = append(names, name)
		}
	})
	return names, err
}

// closed finds the directories that do not open. One as deep as the walk goes need not.
func (w *walk) closed(ctx context.Context, directories []string) ([]string, error) {
	var closed []string
	some, odd := batches(directories)
	for _, name := range odd {
		// A directory whose name has a newline is asked for by its path.
		file, depth, err := w.below(name)
		if err != nil {
			return nil, err
		}
		if w.entered(depth) {
			if _, err := w.root.Walk(ctx, file, WalkOptions{TreeOptions: TreeOptions{MaxDepth: 1}}, func(string, Entry) error { return nil }); err != nil {
				closed = append(closed, name)
			}
		}
	}
	for _, batch := range some {
		q := w.request("closed", batch)
		err := w.root.call(ctx, "walk", w.start, q, func(b *bufio.Reader) error {
			for range batch {
				if _, err := b.Peek(1); err == io.EOF { //nolint:errorlint // as bufio gives it
					return nil
				}
				name, err := readField(b)
				if err != nil {
					return err
				}
				closed = append(closed, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	closed = slices.DeleteFunc(closed, func(name string) bool {
		_, depth, err := w.below(name)
		return err != nil || !w.entered(depth)
	})
	for _, name := range closed {
		file, _, _ := w.below(name)
		w.failed.add("open", file, fs.ErrPermission)
	}
	return closed, nil
}

// entered reports whether the walk goes into directories of a depth.
func (w *walk) entered(depth int) bool { return w.opts.MaxDepth == 0 || depth < w.opts.MaxDepth }

// missing asks for the facts of the names that came without.
func (w *walk) missing(ctx context.Context, all []string) error {
	var without []string
	for _, name := range all {
		if _, seen := slices.BinarySearch(w.seen, maphash.String(w.seed, name)); seen {
			continue
		}
		if len(name) <= pathMax {
			without = append(without, name)
		} else if err := w.bare(name, ErrNameTooLong); err != nil {
			return err
		}
	}
	some, odd := batches(without)
	for _, name := range odd {
		if err := w.bare(name, ErrChanged); err != nil {
			return err
		}
	}
	for _, batch := range some {
		causes := make([]error, len(batch))
		q := w.request("facts", batch, "")
		err := w.root.call(ctx, "walk", w.start, q, func(b *bufio.Reader) error {
			for i := range batch {
				var line, link string
				if err := readFields(b, &line, &link); err != nil {
					return err
				}
				causes[i] = map[string]error{"g": fs.ErrNotExist, "d": errUnreadable}[line]
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, name := range batch {
			// What has facts now came during the walk.
			if causes[i] == nil {
				causes[i] = ErrChanged
			}
			if err := w.bare(name, causes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// inside names what is in directories that find could not go into, or only up to a length of path.
func (w *walk) inside(ctx context.Context, directories, closed, all []string) error {
	asked := slices.Clone(closed)
	for _, name := range directories {
		if len(name) > pathMax-256 && !slices.Contains(closed, name) {
			asked = append(asked, name)
		}
	}
	listed := map[string]bool{}
	for _, name := range all {
		listed[name] = true
	}
	some, _ := batches(asked)
	for _, batch := range some {
		found, err := w.root.unlisted(ctx, w.info.Path, w.stageName(), batch)
		if err != nil {
			return err
		}
		for i, names := range found {
			shut := slices.Contains(closed, batch[i])
			for _, name := range names {
				name = batch[i] + "/" + name
				if listed[name] || !shut && len(name) <= pathMax {
					continue
				}
				cause := errUnreadable
				if !shut {
					cause = ErrNameTooLong
				}
				if err := w.bare(name, cause); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// silent names the mounts that are there and did not answer.
func (w *walk) silent(all []string) {
	for _, point := range w.root.mounts.below(w.info.Path) {
		sent := w.here + strings.TrimPrefix(point, strings.TrimSuffix(w.info.Path, "/"))
		_, depth, err := w.below(sent)
		parent, listed := path.Dir(sent), slices.Contains(all, sent)
		_, seen := slices.BinarySearch(w.seen, maphash.String(w.seed, sent))
		_, known := slices.BinarySearch(w.seen, maphash.String(w.seed, parent))
		if err == nil && !listed && !seen && (known || parent == ".") && (w.opts.MaxDepth == 0 || depth <= w.opts.MaxDepth) {
			w.failed.add("open", point, fs.ErrPermission)
		}
	}
}

// bare keeps what is wrong with a path, and gives its name to the caller unless it is gone.
func (w *walk) bare(sent string, cause error) error {
	file, depth, err := w.below(sent)
	if err != nil || w.opts.MaxDepth != 0 && depth > w.opts.MaxDepth {
		return err
	}
	gone := cause == fs.ErrNotExist //nolint:errorlint // as it was given
	if gone && w.root.Kernel(file) {
		return nil
	}
	w.failed.add("lstat", file, cause)
	if gone {
		return nil
	}
	return w.fn(file, Entry{name: path.Base(file), err: cause})
}
