// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
)

// A batch is limited in files and bytes. A file larger than smallSize is sent alone, and can be resumed.
const (
	batchFiles = 4000
	batchBytes = 64 << 20
	smallSize  = 128 << 10
)

// send puts into the stage what is not there yet: small files together, then the others one by one, then hard links.
func (c *copier) send(ctx context.Context) error {
	kinds := []func(*item) bool{
		func(it *item) bool { return it.first == nil && !it.large() },
		func(it *item) bool { return it.first == nil && it.large() },
		func(it *item) bool { return it.first != nil },
	}
	for _, kind := range kinds {
		var batch []*item
		var bytes int64
		for _, it := range c.items {
			if it.state != waiting || !kind(it) {
				continue
			}
			if it.first != nil && it.first.state == failed {
				c.fail(it, ErrChanged)
				continue
			}
			batch = append(batch, it)
			if bytes += max(0, it.Size); len(batch) == batchFiles || bytes >= batchBytes || it.large() {
				if err := c.put(ctx, batch); err != nil {
					return err
				}
				batch, bytes = nil, 0
			}
		}
		if len(batch) > 0 {
			if err := c.put(ctx, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (it *item) large() bool {
	return it.Mode.IsRegular() && (it.Size < 0 || it.Size > smallSize || it.origin != nil) && !it.linked()
}

// linked reports whether a file is a hard link to what the stage has.
func (it *item) linked() bool { return it.first != nil && it.first.state == staged }

// put sends a batch.
func (c *copier) put(ctx context.Context, batch []*item) error {
	t := &tap{copier: c, batch: batch, parts: make([]Part, len(batch)), errs: make([]error, len(batch)), ended: make([]bool, len(batch))}
	for i, it := range batch {
		t.parts[i] = Part{File: it.File, From: it.at, Grows: it.grows}
		if it.linked() {
			t.parts[i].Link = it.first.Path
		}
	}
	c.kept = true
	errs, err := c.stage.Put(ctx, t.parts, func(r Receiver) error {
		t.Receiver = r
		err := t.fill(ctx)
		if t.own == nil {
			t.source = err
		}
		return err
	})
	if t.source != nil {
		return c.read(t.source)
	}
	if err != nil {
		return c.write(err)
	}
	return t.settle(ctx, errs)
}

// settle notes what became of a batch. Some ends know of many files only that one of them has changed: it is looked for.
func (t *tap) settle(ctx context.Context, errs []error) error {
	var changed []*item
	for i, it := range t.batch {
		own, side := t.errs[i], t.read
		if i < len(errs) && errs[i] != nil {
			own, side = errs[i], t.write
		}
		if errors.Is(own, ErrChanged) && len(t.batch) > 1 && it.state != failed {
			it.at = 0
			t.count(it, 0)
			changed = append(changed, it)
		} else if err := t.became(ctx, i, own, side); err != nil {
			return err
		}
	}
	if t.broken != nil {
		return t.read(t.broken)
	}
	half := (len(changed) + 1) / 2
	for _, some := range [][]*item{changed[:half], changed[half:]} {
		if len(some) > 0 {
			if err := t.put(ctx, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// became notes what became of one file.
func (t *tap) became(ctx context.Context, i int, own error, side func(error) error) error {
	it := t.batch[i]
	switch {
	case it.state == failed, IsBroken(own):
	case own == nil || errors.Is(own, ErrOwner):
		if t.parts[i].HasContents() && !t.ended[i] {
			return t.read(ErrDamaged)
		}
		if it.state = staged; own != nil {
			t.reportFailure(it, own)
		}
		if it.grows {
			return t.agree(ctx, it)
		}
	case errors.Is(own, ErrChanged):
		return t.grown(ctx, it, own)
	default:
		leaveOut(t.copier, it, own, side)
	}
	return nil
}

// A tap is between a Reader and a stage, and remembers what became of each file.
type tap struct {
	Receiver
	*copier
	batch  []*item
	parts  []Part
	index  []int // of batch, for those that are being read
	errs   []error
	ended  []bool
	source error // what ended the reading
	broken error // a file that has to come again
	own    error // the stage's
}

// fill reads the contents of a batch.
func (t *tap) fill(ctx context.Context) error {
	return each(t.reader, t.batch, func(it *item) bool { return it.Mode.IsRegular() && !it.linked() }, func(r Reader, parts []Part, index []int) error {
		t.index = index
		return r.Read(ctx, parts, t)
	})
}

// each calls do for all files of one Reader together, and for those that links led to one by one.
func each(all Reader, items []*item, which func(*item) bool, do func(Reader, []Part, []int) error) error {
	var parts []Part
	var index []int
	for i, it := range items {
		switch part := (Part{File: it.File, From: it.at, Grows: it.grows}); {
		case !which(it):
		case it.origin == nil:
			parts, index = append(parts, part), append(index, i)
		default:
			part.Path = it.origin.path
			if err := do(it.origin, []Part{part}, []int{i}); err != nil {
				return err
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return do(all, parts, index)
}

// Data passes on what was announced. Whoever sends more is not believed about that file.
func (t *tap) Data(i int, offset int64, p []byte) error {
	if i < 0 || i >= len(t.index) || t.ended[t.index[i]] {
		return ErrDamaged
	}
	i = t.index[i]
	it := t.batch[i]
	if it.grows {
		p = p[:max(0, min(int64(len(p)), it.Size-offset))]
		offset = min(offset, it.Size)
	}
	if t.errs[i] != nil || offset < it.at {
		t.errs[i] = ErrChanged
		return nil
	}
	if it.Size >= 0 && offset+int64(len(p)) > it.Size {
		// What it had goes out all the same: of a stream nothing can come again.
		t.errs[i], p = ErrChanged, p[:max(0, it.Size-offset)]
	}
	if len(p) == 0 {
		return nil // what is behind the end of a file is no hole in it
	}
	if t.own = t.Receiver.Data(i, offset, p); t.own != nil {
		return t.own
	}
	it.counted += int64(len(p))
	t.Progress(int64(len(p)))
	return nil
}

// Done notes how a file ended.
func (t *tap) Done(i int, size int64, err error) error {
	if i < 0 || i >= len(t.index) || t.ended[t.index[i]] {
		return ErrDamaged
	}
	i = t.index[i]
	if it := t.batch[i]; it.grows {
		size = min(size, it.Size)
	}
	if it := t.batch[i]; err == nil && it.Size >= 0 && size != it.Size {
		err = ErrChanged
	}
	if err == nil {
		err = t.errs[i]
	}
	if t.errs[i], t.ended[i] = err, true; IsBroken(err) {
		t.broken = err
	}
	t.own = t.Receiver.Done(i, size, err)
	return t.own
}
