// SPDX-License-Identifier: Apache-2.0

// Package tree answers "how does a process's root serve as an end of a copy?": its files as a transfer.Tree, read from and written
// to. What a copy is, and what is done when it breaks, is of pkg/transfer.
package tree

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Source is a root as the end that a copy comes from. A copy needs a Root of its own for each end: they are used at once.
func Source(r *rootfs.Root, mode Packing) transfer.Tree { return newTree(r, mode, "0", "1") }

// OwnFiles is Source without what is mounted below where it begins: mount points are named, and not entered.
func OwnFiles(r *rootfs.Root) transfer.Tree {
	t := newTree(r, PackAuto, "0", "1")
	t.oneFileSystem = true
	return t
}

// Destination is a root as the end that a copy goes to. No link of the target's leads it through /proc/PID/root and its like.
func Destination(r *rootfs.Root, mode Packing) transfer.Tree { return newTree(r, mode, "n", "w") }

func newTree(r *rootfs.Root, mode Packing, asItIs, followed string) tree {
	grace := int(transfer.Bound(remote.Silence, transfer.DefaultPauses()) / time.Second)
	return tree{root: r, packings: newPackings(mode), grace: strconv.Itoa(grace), follows: [2]string{asItIs, followed}}
}

type tree struct {
	root     *rootfs.Root
	packings *packings
	grace    string    // for how many seconds a client that has gone may come back for a stage
	follows  [2]string // the request's words for not following a link in last place, and for following it
	// oneFileSystem stays on that of the start.
	oneFileSystem bool
}

// Stat is transfer's. Where the directory of the last name is not there either, it is ErrNoDirectory.
func (t tree) Stat(ctx context.Context, name string, follow bool) (transfer.File, error) {
	how := t.follows[0]
	if follow {
		how = t.follows[1]
	}
	info, err := rootfs.StatBy(ctx, t.root, name, how)
	switch {
	case errors.Is(err, fs.ErrNotExist) && info.Missing != "":
		return transfer.File{Path: path.Join(info.Path, info.Missing)}, err
	case errors.Is(err, fs.ErrNotExist):
		return transfer.File{}, fmt.Errorf("%w: %w", transfer.ErrNoDirectory, err)
	case err != nil:
		return transfer.File{}, translated(err)
	}
	return fileOf(t.root, info.Path, info.Path, info.Stat), nil
}

// Open is transfer's.
func (t tree) Open(_ context.Context, start string) (transfer.Reader, error) {
	return &reader{Place: &rootfs.Place{Root: t.root, Start: start, Within: rootfs.Physical}, packings: t.packings, oneFileSystem: t.oneFileSystem}, nil
}

// fileOf is what a copy wants to know.
func fileOf(r *rootfs.Root, relative, physical string, s *remote.Stat) transfer.File {
	f := transfer.File{
		Path: relative, Mode: s.FileMode(), UID: s.UID, GID: s.GID, Size: s.Size, Blocks: s.Blocks, Mtime: s.Mtime,
		Target: s.LinkTarget, Rdev: [2]uint32{s.RdevMajor, s.RdevMinor}, State: s.State,
	}
	if s.Nlink > 1 && f.Mode.IsRegular() {
		f.Inode, _, _ = strings.Cut(s.State, " ")
	}
	if f.Mode.IsRegular() && r.Kernel(physical) {
		f.Size = -1
	}
	return f
}

// translated makes an error of this package one that a copy knows.
func translated(err error) error {
	for ours, theirs := range map[error]error{
		remote.ErrChanged: transfer.ErrChanged, remote.ErrInTheWay: transfer.ErrInTheWay, remote.ErrOwner: transfer.ErrOwner,
		remote.ErrNotDirectory: transfer.ErrNotDirectory, remote.ErrIsDirectory: transfer.ErrIsDirectory, remote.ErrSpecial: transfer.ErrKind,
		remote.ErrNameTooLong: transfer.ErrName,
	} {
		if errors.Is(err, ours) {
			return theirs
		}
	}
	return err
}

// A reader is a place in the root, or in a stage there.
type reader struct {
	*rootfs.Place
	packings *packings
	// oneFileSystem keeps List from entering mount points.
	oneFileSystem bool
}

// errStop ends a walk whose reader has seen enough.
var errStop = errors.New("stop")

// List is transfer's. What cannot be looked at comes with its error.
func (r *reader) List(ctx context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		top, begun := "", false
		give := func(file string, f transfer.File) error {
			f.Path = "."
			if rest := strings.TrimPrefix(strings.TrimPrefix(file, top), "/"); rest != "" {
				f.Path = rest
			}
			if !yield(f, nil) {
				return errStop
			}
			return nil
		}
		opts := rootfs.WalkOptions{LinkTargets: true, TreeOptions: rootfs.TreeOptions{OneFileSystem: r.oneFileSystem}}
		_, err := r.Walk(ctx, opts, func(file string, e rootfs.Entry) error {
			if !begun {
				top, begun = strings.TrimSuffix(file, "/"), true
			}
			if s := e.Stat(); s != nil {
				return give(file, fileOf(r.Root, "", file, s))
			}
			return nil // the walk's error has it
		})
		var partly *rootfs.TreeError
		if errors.As(err, &partly) {
			err = nil
			for _, failure := range partly.Failures {
				if cause, ok := errors.AsType[*fs.PathError](failure); ok && err == nil {
					err = give(cause.Path, transfer.File{Err: translated(cause.Err)})
				}
			}
			if more := partly.Count - len(partly.Failures); more > 0 && err == nil {
				err = fmt.Errorf("read the whole tree: %d more files could not be read: %w", more, fs.ErrPermission)
			}
		}
		if err != nil && err != errStop { //nolint:errorlint // its own
			yield(transfer.File{}, translated(err))
		}
	}
}

// Sum is transfer's.
func (r *reader) Sum(ctx context.Context, files []transfer.Part) ([]transfer.Sum, error) {
	sums := make([]transfer.Sum, len(files))
	var all []string
	index := map[string]int{}
	for i, f := range files {
		if sumsWhole(f) {
			all, index[rootfs.Sent(f.Path)] = append(all, rootfs.Sent(f.Path)), i
		}
	}
	for _, batch := range rootfs.Batches(all) {
		if len(batch) > 1 {
			texts, err := r.Sums(ctx, "sha1sum", batch, nil)
			if remote.IsBroken(err) || ctx.Err() != nil {
				return nil, err
			}
			for k, text := range texts {
				i := index[batch[k]]
				sums[i] = newSum(max(files[i].From, files[i].Size), text, nil)
			}
		}
	}
	for i, f := range files {
		if sums[i].SHA1 != [20]byte{} {
			continue
		}
		size, text, err := r.SumOne(ctx, "sha1sum", rootfs.Sent(f.Path), f.From, "")
		if remote.IsBroken(err) || ctx.Err() != nil {
			return nil, err
		}
		if f.From >= 0 {
			size = min(size, f.From)
		}
		sums[i] = newSum(size, text, err)
	}
	return sums, nil
}

// sumsWhole reports whether all of a file is summed up, by a name that others can stand beside.
func sumsWhole(f transfer.Part) bool {
	whole := f.From < 0 || f.From >= f.Size && f.Size >= 0
	return whole && !strings.Contains(f.Path, "\n") && f.Path != "."
}

func newSum(n int64, text string, err error) transfer.Sum {
	sum := transfer.Sum{N: n, Err: translated(err)}
	if raw, decoding := hex.DecodeString(text); err == nil && decoding == nil && len(raw) == len(sum.SHA1) {
		copy(sum.SHA1[:], raw)
	} else if err == nil {
		sum.Err = fmt.Errorf("read checksum %.80q", text)
	}
	return sum
}
