// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
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
// in no other order. One request answers for a tree of any size; of what has come no more is held than the names of directories. Paths are from
// the process's root and without links, except in last place: links are not followed on the way, only to the start.
//
// What could not be read is in the *TreeError at the end: directories that do not open, what vanished during the walk, paths
// that are too long. A name without facts is given to fn too, its Info says why; what vanished is not, and
// below /proc it is no failure either. An error of fn ends Walk and is returned as it is.
func (r *Root) Walk(ctx context.Context, name string, opts WalkOptions, fn func(path string, e Entry) error) (Info, error) {
	return (&Place{Root: r, Start: name}).Walk(ctx, opts, fn)
}

// Walk is Root.Walk from a place.
func (p *Place) Walk(ctx context.Context, opts WalkOptions, fn func(path string, e Entry) error) (Info, error) {
	w := &walk{Place: p, opts: opts, fn: fn, seed: maphash.MakeSeed()}
	if !opts.KernelFiles {
		w.kernels = p.Root.Mounts.Kernels()
	}
	find, xargs, err := w.list(ctx)
	switch {
	case err != nil:
		return w.info, err
	case xargs != 0 && xargs != 123 && xargs != 1: // xargs(1): 123 and, from GNU stat, 1 are about single files
		return w.info, &fs.PathError{Op: "walk", Path: p.Start, Err: remote.ErrRead}
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
	*Place
	opts WalkOptions
	fn   func(string, Entry) error

	info    Info
	here    string   // how find calls the start
	kernels []string // where it does not go
	seed    maphash.Seed
	// In case that not all has come: hashes of the paths that have, and the directories that find goes into.
	seen        []uint64
	directories []string
	failed      TreeError
}

// find is what find is asked for.
func (w *walk) find(mode string) remote.Request {
	q := reading(w.Request("walk", nil, mode))
	if w.opts.MaxDepth > 0 {
		q.Args = append(q.Args, "-maxdepth", strconv.Itoa(w.opts.MaxDepth))
	}
	if w.opts.OneFileSystem {
		q.Args = append(q.Args, "-xdev")
	}
	q.Names = w.kernels
	return q
}

// list is the first look, which is the only one where nothing stands against it. It returns how find and xargs ended.
func (w *walk) list(ctx context.Context) (find, xargs int, err error) {
	mode := ""
	if w.opts.LinkTargets {
		mode = "links"
	}
	err = w.Root.Ask(ctx, "walk", w.Start, w.find(mode), func(b *remote.Answer) error {
		var err error
		find, xargs, err = w.read(b)
		return err
	})
	return find, xargs, err
}

// read reads the answer to list.
func (w *walk) read(b *remote.Answer) (find, xargs int, err error) {
	if err := w.begin(b); err != nil {
		return 0, 0, err
	}
	for {
		sent, s, err := readRecord(b, w.opts.LinkTargets)
		switch {
		case err != nil:
			return 0, 0, err
		case s == nil:
			return readState(b)
		}
		w.seen = append(w.seen, maphash.String(w.seed, sent))
		file, depth, err := w.below(sent)
		if err != nil {
			return 0, 0, err
		}
		if s.FileMode().IsDir() && (w.opts.MaxDepth == 0 || depth < w.opts.MaxDepth) && !slices.Contains(w.kernels, file) {
			w.directories = append(w.directories, sent)
		}
		w.Root.name(s)
		if err := Called(w.fn(file, Entry{name: path.Base(file), stat: s})); err != nil {
			return 0, 0, err
		}
	}
}

// begin reads what comes in front of a tree.
func (w *walk) begin(b *remote.Answer) error {
	var line, opened string
	if err := b.Fields(&w.info.Path, &line, &opened); err != nil {
		return err
	}
	var err error
	if w.info.Stat, err = remote.ParseStat(line); err != nil {
		return err
	}
	w.Root.name(w.info.Stat)
	w.here = "."
	if w.staged() && !w.info.FileMode().IsDir() {
		w.here = "./t"
	} else if !w.info.FileMode().IsDir() {
		w.here = "./" + path.Base(w.info.Path)
	} else if opened == "" {
		w.failed.add("open", w.info.Path, fs.ErrPermission)
	}
	return nil
}

// readRecord reads PATH "//" facts and, with link targets, "//" and what stat's %N has: PATH, with quotes where it is a link, an arrow
// and the target. A nil Stat is the end.
func readRecord(b *remote.Answer, links bool) (sent string, s *remote.Stat, err error) {
	first, err := b.Peek(1)
	switch {
	case err != nil:
		return "", nil, remote.Unexpected(err)
	case first[0] == 0:
		_, err := b.Discard(1)
		return "", nil, err
	}
	if sent, err = b.Until("//"); err != nil {
		return "", nil, err
	}
	end := "\n"
	if links {
		end = "//"
	}
	line, err := b.Until(end)
	if err != nil {
		return "", nil, err
	}
	if s, err = remote.ParseStat(line); err != nil || !links {
		return sent, s, err
	}
	s.LinkTarget, err = readTarget(b, sent, s)
	return sent, s, err
}

// readTarget reads the rest of a line. How long a target is says the link's size, so that it may hold anything; only of a link of
// the kernel's it does not.
func readTarget(b *remote.Answer, sent string, s *remote.Stat) (string, error) {
	if s.FileMode().Type() != fs.ModeSymlink {
		return "", b.Expect(sent + "\n")
	}
	quote := ""
	if c, err := b.Peek(1); err == nil && c[0] == '\'' {
		quote = "'"
	}
	// Whose target may not be read has none; busybox prints no name either.
	for _, before := range []string{"", quote + sent + quote} {
		if err := b.Expect(before); err != nil {
			return "", err
		}
		if c, err := b.Peek(1); err == nil && c[0] == '\n' {
			_, err := b.Discard(1)
			return "", err
		}
	}
	if err := b.Expect(" -> " + quote); err != nil {
		return "", err
	}
	if s.Size == 0 || s.Size == 64 && s.Blocks == 0 && s.Mode&0o777 != 0o777 {
		text, err := b.Until("\n")
		return strings.TrimSuffix(text, quote), err
	}
	target := make([]byte, min(s.Size, remote.MaxPath+1))
	if _, err := io.ReadFull(b, target); err != nil {
		return "", remote.Unexpected(err)
	}
	return string(target), b.Expect(quote + "\n")
}

// readState reads how find and xargs ended.
func readState(b *remote.Answer) (find, xargs int, err error) {
	state, err := b.Field()
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(state)
	if len(f) != 4 {
		return 0, 0, fmt.Errorf("read tree: end %.40q", state)
	}
	if find, err = remote.Number(f[1]); err != nil {
		return 0, 0, err
	}
	xargs, err = remote.Number(f[3])
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
