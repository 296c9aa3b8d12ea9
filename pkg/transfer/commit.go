// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"io/fs"
)

// commit moves what came to its place: a directory with all that is in it where nothing has its place, otherwise what
// is in it, level by level.
func (c *copier) commit(ctx context.Context) error {
	c.moving = true
	var directories []File
	for _, it := range c.items {
		if it.state == staged && it.Mode.IsDir() && (it.Path != "." || c.place.base != "") {
			directories = append(directories, it.File)
		}
	}
	level, top := c.items[:1], "."
	if c.place.base == "" {
		level = children(c.items, c.items[0])
	} else if top = c.place.base; c.items[0].state == present {
		level = nil
	}
	for first := true; len(level) > 0 || first; first = false {
		moves := make([]Move, len(level))
		for i, it := range level {
			moves[i] = Move{From: it.Path, To: join(top, it.Path)}
		}
		errs, err := c.stage.Commit(ctx, directories, moves)
		if err != nil {
			return c.write(err)
		}
		if level, directories, err = merge(ctx, c, level, errs); err != nil {
			return c.write(err)
		}
	}
	c.tally()
	return c.fatal
}

// tally counts what is at its place.
func (c *copier) tally() {
	for _, it := range c.items {
		if it.state == staged || it.state == present {
			c.report.Copied++
			if it.grows {
				c.report.Grown++
				c.reportFailure(it, &GrownError{it.Mtime, it.Size})
			}
		}
	}
}

// merge reports what could not be moved, and gives what is in the directories that are there already, and the directories of that.
func merge(ctx context.Context, c *copier, level []*item, errs []error) (next []*item, directories []File, err error) {
	var open []Part
	for i, err := range errs {
		switch it := level[i]; {
		case err == nil:
		case it.Mode.IsDir() && errors.Is(err, fs.ErrExist):
			open = append(open, Part{File: it.File})
			next = append(next, children(c.items, it)...)
		default:
			refuse(c, it, err)
		}
	}
	if len(open) == 0 {
		return nil, nil, nil
	}
	for _, it := range next {
		if it.Mode.IsDir() {
			open, directories = append(open, Part{File: it.File}), append(directories, it.File)
		}
	}
	// A directory that has its final mode already, a read-only one, lets nothing be moved out of it, nor itself.
	_, err = c.stage.Put(ctx, open, func(Receiver) error { return nil })
	return next, directories, err
}

// children are the files of a directory that are in the stage.
func children(items []*item, dir *item) []*item {
	var in []*item
	for _, it := range below(items, dir) {
		if parent, _ := split(it.Path); parent == dir.Path && it.state == staged {
			in = append(in, it)
		}
	}
	return in
}
