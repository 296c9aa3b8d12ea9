// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
)

type state uint8

const (
	waiting state = iota
	staged        // it is in the stage, whole
	present       // it is at its place already, whole
	failed        // it is left out
)

// An item is a file that is copied. There may be many, so that it holds little.
type item struct {
	File
	origin   *origin // nil for what is in the tree itself
	first    *item   // another name of the same file, which comes before
	at       int64   // how much of it is known to be in the stage
	counted  int64   // how much Progress has heard of
	state    state
	seen     bool // compare's
	grows    bool // it became longer while it was copied
	complete bool // compare's: what the stage has got its mode and time, and so all of its contents
}

// sameMetadata reports whether a file of the stage has the mode and time of its source.
func (it *item) sameMetadata(f File) bool {
	return it.Mode.Perm() == f.Mode.Perm() && (it.Mode|f.Mode)&fs.ModeSticky == 0 && it.Mtime.Unix() == f.Mtime.Unix()
}

// An origin is where a followed link leads to.
type origin struct {
	Reader
	path string
}

// A lister finds out what there is.
type lister struct {
	src    Tree
	follow bool
	items  []*item
	links  []link
	lost   []string // what was listed under no name that a file can have
}

// A link is to be followed. through are the physical directories that led to it.
type link struct {
	*item
	path    string
	through []string
}

// all lists a tree, and then what its links lead to.
func (l *lister) all(ctx context.Context, r Reader, top File) error {
	if err := l.list(ctx, r, nil, top.Path, nil); err != nil {
		return err
	}
	for len(l.links) > 0 {
		next := l.links[0]
		l.links = l.links[1:]
		if err := l.open(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// list adds what a Reader at a physical path has, in the place of a link or, without one, as the tree itself.
func (l *lister) list(ctx context.Context, r Reader, from *item, physical string, through []string) error {
	for f, err := range r.List(ctx) {
		if err != nil {
			return err
		}
		if !valid(f.Path) {
			l.lost = append(l.lost, f.Path)
			continue
		}
		it, inside := &item{File: f}, f.Path
		if from != nil {
			it.origin, it.Path = &origin{Reader: r, path: inside}, join(from.Path, inside)
		}
		if from != nil && inside == "." {
			*from = *it
		} else {
			l.items = append(l.items, it)
		}
		if l.follow && f.Mode&fs.ModeSymlink != 0 && f.Err == nil {
			l.links = append(l.links, link{it, join(physical, inside), through})
		}
	}
	if len(l.items) == 0 {
		return fmt.Errorf("list files: empty answer: %w", ErrDamaged)
	}
	return nil
}

// open puts what a link leads to in its place.
func (l *lister) open(ctx context.Context, k link) error {
	at, err := l.src.Stat(ctx, k.path, true)
	dir, _ := split(k.path)
	through := append(slices.Clip(k.through), dir)
	loop := func(dir string) bool { return dir == at.Path || at.Path == "/" || within(dir, at.Path) }
	if err == nil && at.Mode.IsDir() && slices.ContainsFunc(through, loop) {
		err = ErrLoop
	}
	var r Reader
	if err == nil {
		r, err = l.src.Open(ctx, at.Path)
	}
	switch {
	case err == nil:
		return l.list(ctx, r, k.item, at.Path, through)
	case IsBroken(err) || ctx.Err() != nil:
		return err
	}
	k.Err = err
	return nil
}

// sorted gives each directory before what is in it, and all of that together. What no directory can hold is left out.
func (l *lister) sorted(fail func(*item, error)) []*item {
	for _, path := range l.lost {
		fail(&item{File: File{Path: path}}, ErrName)
	}
	slices.SortStableFunc(l.items, func(a, b *item) int { return order(a.Path, b.Path) })
	var dirs []string
	inodes := map[string]*item{}
	kept := l.items[:0]
	for i, it := range l.items {
		for len(dirs) > 0 && !within(it.Path, dirs[len(dirs)-1]) {
			dirs = dirs[:len(dirs)-1]
		}
		dir, _ := split(it.Path)
		switch {
		case it.Err != nil:
			fail(it, it.Err)
			continue
		case (i == 0) != (it.Path == "."), i > 0 && (len(dirs) == 0 || dirs[len(dirs)-1] != dir),
			len(kept) > 0 && kept[len(kept)-1].Path == it.Path:
			fail(it, ErrName)
			continue
		case it.Mode.IsDir():
			dirs = append(dirs, it.Path)
		case it.Mode.IsRegular() && it.Inode != "":
			if it.first = inodes[it.Inode]; it.first == nil {
				inodes[it.Inode] = it
			}
		}
		kept = append(kept, it)
	}
	return slices.Clip(kept)
}

// valid are the names that a listing may give: "." or names below it.
func valid(path string) bool {
	if path == "." {
		return true
	}
	for name := range strings.SplitSeq(path, "/") {
		if unnamed(name) {
			return false
		}
	}
	return !strings.ContainsRune(path, 0)
}

func join(dir, name string) string {
	switch {
	case name == ".":
		return dir
	case dir == ".":
		return name
	case dir == "/":
		return dir + name
	}
	return dir + "/" + name
}

// within reports whether a path is below a directory.
func within(path, dir string) bool {
	if dir == "." {
		return path != "."
	}
	return len(path) > len(dir) && path[len(dir)] == '/' && path[:len(dir)] == dir
}

// order has a directory directly before what is in it.
func order(a, b string) int {
	if a == "." || b == "." {
		return cmp.Compare(btoi(a != "."), btoi(b != "."))
	}
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			return cmp.Compare(int(x)*btoi(x != '/'), int(y)*btoi(y != '/'))
		}
	}
	return cmp.Compare(len(a), len(b))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// find is where a name is, or would be.
func find(items []*item, path string) (int, bool) {
	return slices.BinarySearchFunc(items, path, func(it *item, path string) int { return order(it.Path, path) })
}

// below is what is in a directory.
func below(items []*item, dir *item) []*item {
	i, found := find(items, dir.Path)
	if !found {
		return nil
	}
	in := items[i+1:]
	return in[:sort.Search(len(in), func(n int) bool { return !within(in[n].Path, dir.Path) })]
}

// total is how many bytes are to come: holes don't.
func total(items []*item) (bytes int64) {
	for _, it := range items {
		if it.Mode.IsRegular() && it.first == nil {
			bytes += it.carried()
		}
	}
	return bytes
}

// carried is how many bytes a file's contents are on their way.
func (it *item) carried() int64 {
	if it.Blocks < 0 {
		return max(0, it.Size)
	}
	return max(0, min(it.Size, it.Blocks*512))
}
