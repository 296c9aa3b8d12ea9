// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"hash/maphash"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// complete finds out what the first look has missed: directories that do not open, files without facts, names that are too long.
func (w *walk) complete(ctx context.Context) error {
	w.failed = TreeError{}
	slices.Sort(w.seen)
	all, err := w.names(ctx)
	if err != nil {
		return err
	}
	facts, err := w.Facts(ctx, w.directories)
	if err != nil {
		return err
	}
	var closed []string
	for _, name := range w.directories {
		if s, err := remote.ParseStat(facts[name].Line); err == nil && s.FileMode().IsDir() && !facts[name].Opens {
			file, _, _ := w.below(name)
			w.failed.add("open", file, fs.ErrPermission)
			closed = append(closed, name)
		}
	}
	if err := w.missing(ctx, all); err != nil {
		return err
	}
	if err := w.inside(ctx, closed, all); err != nil {
		return err
	}
	if err := w.silent(all); err != nil {
		return err
	}
	if w.failed.Count == 0 && !w.opts.KernelFiles && !w.Root.Kernel(w.info.Path) {
		w.failed.add("walk", w.info.Path, remote.ErrChanged)
	}
	return nil
}

// names asks find for nothing but names.
func (w *walk) names(ctx context.Context) ([]string, error) {
	var names []string
	err := w.Root.Ask(ctx, "walk", w.Start, w.find("names"), func(b *remote.Answer) error {
		var physical, facts, opened, state string
		if err := b.Fields(&physical, &facts, &opened); err != nil {
			return err
		}
		for {
			name, err := b.Field()
			switch {
			case err != nil:
				return err
			case name == "":
				return b.Fields(&state)
			case len(names) > len(w.seen)+maxEntries:
				return remote.ErrEndless
			}
			names = append(names, name)
		}
	})
	return names, err
}

// came reports whether the first look had a path.
func (w *walk) came(sent string) bool {
	_, ok := slices.BinarySearch(w.seen, maphash.String(w.seed, sent))
	return ok
}

// missing asks for the facts of the names that came without.
func (w *walk) missing(ctx context.Context, all []string) error {
	var without []string
	for _, name := range all {
		if len(name) > remote.MaxPath {
			if err := w.bare(name, remote.ErrNameTooLong); err != nil {
				return err
			}
		} else if !w.came(name) {
			without = append(without, name)
		}
	}
	facts, err := w.Facts(ctx, without)
	if err != nil {
		return err
	}
	for _, name := range without {
		cause := remote.ErrChanged // what has facts now came during the walk
		switch facts[name].Line {
		case gone:
			cause = fs.ErrNotExist
		case denied:
			cause = errUnreadable
		}
		if err := w.bare(name, cause); err != nil {
			return err
		}
	}
	return nil
}

// inside names what is in directories that find could not go into, or only up to a length of path.
func (w *walk) inside(ctx context.Context, closed, all []string) error {
	asked := slices.Clone(closed)
	for _, name := range w.directories {
		if len(name) > remote.MaxPath-256 && !slices.Contains(closed, name) {
			asked = append(asked, name)
		}
	}
	listed := map[string]bool{}
	for _, name := range all {
		listed[name] = true
	}
	found, err := w.unlisted(ctx, asked)
	if err != nil {
		return err
	}
	for i, names := range found {
		for _, name := range names {
			name = asked[i] + "/" + name
			cause := errUnreadable
			if i >= len(closed) {
				cause = remote.ErrNameTooLong
			}
			if listed[name] || i >= len(closed) && len(name) <= remote.MaxPath {
				continue
			}
			if err := w.bare(name, cause); err != nil {
				return err
			}
		}
	}
	return nil
}

// silent names the mounts that are there and did not answer.
func (w *walk) silent(all []string) error {
	mounts := w.Root.Mounts
	for _, point := range mounts.Below(w.info.Path) {
		if w.opts.OneFileSystem && mounts.Of(path.Dir(point)).Point != mounts.Of(w.info.Path).Point {
			continue // below another mount, which was not entered
		}
		sent := w.here + strings.TrimPrefix(point, strings.TrimSuffix(w.info.Path, "/"))
		if !slices.Contains(all, sent) && !w.came(sent) && w.came(dirOf(sent)) {
			if err := w.bare(sent, remote.ErrClosedMount); err != nil {
				return err
			}
		}
	}
	return nil
}

// bare keeps what is wrong with a path, and gives its name to the caller unless it is gone.
func (w *walk) bare(sent string, cause error) error {
	file, depth, err := w.below(sent)
	if err != nil || w.opts.MaxDepth != 0 && depth > w.opts.MaxDepth {
		return err
	}
	gone := cause == fs.ErrNotExist //nolint:errorlint // as it was given
	if gone && w.Root.Kernel(file) {
		return nil
	}
	op := "lstat"
	if w.Root.Mounts.IsPoint(file) {
		op, cause, gone = "open", remote.ErrClosedMount, false
	}
	w.failed.add(op, file, cause)
	if gone {
		return nil
	}
	return w.fn(file, Entry{name: path.Base(file), err: cause})
}
