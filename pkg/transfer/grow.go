// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"strings"
)

// Is reports whether a file is the one of a part.
func (p Part) Is(f File) bool {
	return f.State == p.State || p.Grows && f.Size >= p.Size && identity(f.State) == identity(p.State)
}

// identity is the part of a State that says which file it is, on the systems that know.
func identity(state string) string {
	device, rest, _ := strings.Cut(state, ":")
	inode, _, _ := strings.Cut(rest, ":")
	return device + ":" + inode
}

// A stage that is onlyOnce cannot take back what went out.
type onlyOnce interface{ onlyOnce() }

func (*output) onlyOnce()       {}
func (*archiveStage) onlyOnce() {}

// grown copies what a file had at a time, if it became longer while it was copied: a log that is written to is never still. That
// has not changed since if both ends agree about it afterwards. Less never replaces more.
func (t *tap) grown(ctx context.Context, it *item, changed error) error {
	out, stream := t.stage.(*output)
	if _, once := t.stage.(onlyOnce); once && !stream || it.grows || it.origin != nil || it.Size < 0 || !it.Mode.IsRegular() {
		t.fail(it, changed)
		return nil
	}
	now, err := look(ctx, t.src, join(t.top.Path, it.Path), it.Size)
	switch {
	case IsBroken(err):
		return t.read(err)
	case err != nil || !now.Mode.IsRegular() || now.Size <= it.Size:
		t.fail(it, changed)
		return nil
	}
	if stream && out.at > 0 {
		return t.gone(ctx, it, out, now)
	}
	t.count(it, 0)
	now.Path, now.Inode = it.Path, ""
	it.File, it.grows, it.at = now, true, 0
	there, err := t.dst.Stat(ctx, join(t.place.path(), it.Path), true)
	if err == nil && there.Mode.IsRegular() && there.Size > it.Size {
		t.fail(it, ErrLess)
		return nil
	}
	return t.put(ctx, []*item{it})
}

// look asks for the facts of a file that had a length: twice where it has it still, since a write sets the time first and the
// length then.
func look(ctx context.Context, src Tree, name string, had int64) (File, error) {
	now, err := src.Stat(ctx, name, false)
	if err == nil && now.Size == had {
		return src.Stat(ctx, name, false)
	}
	return now, err
}

// gone is grown for what went out already: all that the file had, or it cannot be taken back.
func (t *tap) gone(ctx context.Context, it *item, out *output, now File) error {
	if out.at != it.Size || identity(now.State) != identity(it.State) {
		t.fail(it, ErrChanged)
		return nil
	}
	it.State, it.grows, it.state = now.State, true, staged
	return t.agree(ctx, it)
}

// agree compares what came of a file that grows with what it begins with now.
func (t *tap) agree(ctx context.Context, it *item) error {
	it.at = it.Size
	same, err := (comparison{t.copier}).sums(ctx, t.stage, []*item{it})
	if err == nil && !same[0] {
		it.seen = true
		t.fail(it, ErrChanged)
	}
	return err
}
