// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"io/fs"
)

// A comparison finds out what is there already.
type comparison struct{ *copier }

// compare looks into the stage and, where something may have been moved, at the destination.
func (c comparison) compare(ctx context.Context) error {
	for _, it := range c.items {
		it.seen = false
	}
	sizes, extra, err := c.held(ctx)
	if err == nil && len(extra) > 0 {
		err = c.stage.Remove(ctx, extra)
	}
	if err != nil {
		return c.write(err)
	}
	for _, it := range c.items {
		if !it.seen && it.state != failed && it.state != present {
			it.state, it.at = waiting, 0
			c.count(it, 0)
		}
	}
	if err := c.match(ctx, c.stage, sizes); err != nil {
		return err
	}
	return c.found(ctx)
}

// held gives the files of which the stage has something that is to be looked at, and what it has beside the items.
func (c comparison) held(ctx context.Context) (sizes []*item, extra []string, err error) {
	for f, err := range c.stage.List(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		c.kept = true
		if err != nil {
			return nil, nil, err
		}
		i, found := find(c.items, f.Path)
		if !found || c.items[i].state == failed || c.items[i].Mode.Type() != f.Mode.Type() {
			if len(extra) == 0 || !within(f.Path, extra[len(extra)-1]) {
				extra = append(extra, f.Path)
			}
			continue
		}
		it := c.items[i]
		if it.seen = true; it.Mode.IsRegular() && it.first == nil && (it.state != staged || it.Size >= 0 && it.Size != f.Size) {
			it.complete = !c.Preserve && it.sameMetadata(f)
			if it.state, it.at = waiting, f.Size; f.Inode != "" {
				it.at = 0 // to go on with it would change another file of the stage
			}
			sizes = append(sizes, it)
		}
	}
	return sizes, extra, nil
}

// match keeps as much of files as the stage has and the source agrees about.
func (c comparison) match(ctx context.Context, held Reader, items []*item) error {
	same, err := c.sums(ctx, held, items)
	if err != nil {
		return err
	}
	for i, it := range items {
		switch {
		case !same[i]:
			it.at = 0
		case it.large():
		case it.complete && it.at == it.Size:
			it.state = staged
		default:
			it.at = 0 // small files come as an archive, which has them from their beginning
		}
		if it.Size >= 0 {
			c.count(it, min(it.at, it.carried()))
		}
	}
	return nil
}

// found passes over files that are at their place already: an earlier copy was ended while it moved them.
func (c comparison) found(ctx context.Context) error {
	if !c.moving && (!c.Resume || c.looked) {
		return nil
	}
	c.looked = true
	there, err := c.dst.Open(ctx, c.place.path())
	if err != nil {
		if IsBroken(err) {
			return c.write(err)
		}
		return nil
	}
	var items []*item
	for _, it := range c.items {
		if it.state == waiting && it.at == 0 && it.Mode.IsRegular() && it.first == nil {
			it.at = -1
			items = append(items, it)
		}
	}
	same, err := c.sums(ctx, there, items)
	for i, it := range items {
		if it.at = 0; err == nil && same[i] {
			it.state = present
			c.count(it, it.carried())
		}
	}
	return err
}

// sums compares the first item.at bytes of files, or all of them.
func (c comparison) sums(ctx context.Context, held Reader, items []*item) ([]bool, error) {
	same := make([]bool, len(items))
	for from := 0; from < len(items); from += batchFiles {
		batch := items[from:min(from+batchFiles, len(items))]
		parts := make([]Part, len(batch))
		for i, it := range batch {
			parts[i] = Part{File: it.File, From: it.at}
		}
		theirs, err := held.Sum(ctx, parts)
		if err != nil {
			return same, c.write(err)
		}
		possible := func(it *item) bool { return it.at <= it.Size }
		err = each(c.reader, batch, possible, func(r Reader, parts []Part, index []int) error {
			ours, err := r.Sum(ctx, parts)
			for i := range min(len(ours), len(index)) {
				n := index[i]
				same[from+n] = err == nil && n < len(theirs) && theirs[n].Err == nil && ours[i].Err == nil &&
					theirs[n].SHA1 == ours[i].SHA1 && theirs[n].N == ours[i].N && (batch[n].at < 0 || ours[i].N == batch[n].at)
			}
			return err
		})
		if err != nil {
			return same, c.read(err)
		}
	}
	return same, nil
}
