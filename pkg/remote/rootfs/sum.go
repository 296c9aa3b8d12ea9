// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Cause is an error about a file. What is about the connection, or is the caller's own, is none.
func Cause(ctx context.Context, err error) (fileError error, other error) {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil, remote.IsBroken(err), !errors.As(err, &path):
		return nil, err
	}
	return path.Err, nil
}

// SumOptions say which files are summed up.
type SumOptions struct {
	TreeOptions
	// Recursive sums up the regular files below a directory; without it a directory is ErrIsDirectory.
	Recursive bool
}

// Sum calls fn for the regular file at a path, or for those below it, with its SHA-256. The helper computes them, so the bytes
// stay where they are. Paths and errors are Walk's.
func Sum(ctx context.Context, r *Root, name string, opts SumOptions, fn func(path string, sum [32]byte) error) (Info, error) {
	return below(ctx, r, "sum", name, opts.Recursive, opts.TreeOptions, func(from *Place, files []string, states map[string]string) error {
		sums, err := from.Sums(ctx, "sha256sum", files, states)
		if err != nil {
			return err
		}
		for i, text := range sums {
			var sum [32]byte
			if _, err := hex.Decode(sum[:], []byte(text)); err != nil || len(text) != 2*len(sum) {
				return fmt.Errorf("read checksum %.80q", text)
			}
			if err := fn(path.Join(from.Start, files[i]), sum); err != nil {
				return err
			}
		}
		return nil
	})
}

// SumFiles gives the SHA-256 of some regular files below a physical path, or says why there is none. Names are relative to it, and
// have sizes.
func SumFiles(ctx context.Context, r *Root, start string, sizes map[string]int64, fn func(name string, sum [32]byte, err error)) error {
	var some batcher
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		some.add(Sent(name), sizes[name])
	}
	partly := &TreeError{}
	do := func(from *Place, files []string, states map[string]string) error {
		sums, err := from.Sums(ctx, "sha256sum", files, states)
		if own, _ := Cause(ctx, err); len(files) == 1 && own != nil {
			fn(strings.TrimPrefix(files[0], "./"), [32]byte{}, own)
			return nil
		}
		if err != nil {
			return err
		}
		for i, file := range files {
			var sum [32]byte
			_, err := hex.Decode(sum[:], []byte(sums[i]))
			fn(strings.TrimPrefix(file, "./"), sum, err)
		}
		return nil
	}
	for _, batch := range some.all {
		if err := divide(ctx, r, "sum", &Place{Root: r, Start: start, Within: Physical}, batch, nil, partly, do); err != nil {
			return err
		}
	}
	return nil
}

// A batcher groups files for one request: not too many, and a large file alone.
type batcher struct {
	all          [][]string
	names, bytes int64 // of the last batch
	open         bool  // it can take more
}

func (b *batcher) add(name string, size int64) {
	if strings.Contains(name, "\n") || size > batchBytes*16 {
		b.all, b.open = append(b.all, []string{name}), false
		return
	}
	last := len(b.all) - 1
	if !b.open || len(b.all[last]) == MaxBatch || b.names+int64(len(name)) > batchBytes || b.bytes+size > 256<<20 {
		b.all, b.names, b.bytes, b.open, last = append(b.all, nil), 0, 0, true, last+1
	}
	b.all[last] = append(b.all[last], name)
	b.names, b.bytes = b.names+int64(len(name))+1, b.bytes+size
}

// below calls do for the regular files at or below a path in batches: paths as find calls them from the start, and their state.
// A *TreeError of the walk is returned at the end; do adds to it by an error of its own kind.
func below(ctx context.Context, r *Root, op, name string, recursive bool, opts TreeOptions, do func(*Place, []string, map[string]string) error) (Info, error) {
	if !recursive {
		return single(ctx, r, op, name, do)
	}
	var some batcher
	states := map[string]string{}
	var sparse []*fs.PathError
	top := ""
	info, err := r.Walk(ctx, name, WalkOptions{TreeOptions: opts}, func(p string, e Entry) error {
		if top == "" {
			top = p
		}
		s := e.Stat()
		if s == nil || !s.FileMode().IsRegular() {
			return nil
		}
		err := transfer.Sparse(s.Size, s.Blocks)
		if err != nil && op == "grep" && s.Blocks == 0 {
			return nil // one hole, in which there is nothing to find
		}
		if err != nil {
			sparse = append(sparse, &fs.PathError{Path: p, Err: err})
		} else {
			file := "." + strings.TrimPrefix(p, strings.TrimSuffix(top, "/"))
			some.add(file, s.Size)
			states[file] = s.State
		}
		return nil
	})
	partly := &TreeError{}
	if err != nil && !errors.As(err, &partly) {
		return info, err
	}
	if info.FileMode().IsRegular() {
		return single(ctx, r, op, name, do)
	}
	for _, failure := range sparse {
		partly.add(op, failure.Path, failure.Err)
	}
	from := &Place{Root: r, Start: info.Path, Within: Physical}
	for _, batch := range some.all {
		if err := divide(ctx, r, op, from, batch, states, partly, do); err != nil {
			return info, err
		}
	}
	if partly.Count > 0 {
		return info, partly
	}
	return info, nil
}

// divide does a batch, and its halves where one of its files is in the way; one after the other where that blocks. A command ends
// where it has waited maxStuck times: each of the files may block.
func divide(ctx context.Context, r *Root, op string, from *Place, batch []string, states map[string]string, partly *TreeError, do func(*Place, []string, map[string]string) error) error {
	err := do(from, batch, states)
	var cause *fs.PathError
	parts := [][]string{batch[:len(batch)/2], batch[len(batch)/2:]}
	if errors.Is(err, remote.ErrStuck) {
		partly.stuck++
		parts = slices.Collect(slices.Chunk(batch, 1))
	}
	switch {
	case err == nil, !errors.As(err, &cause), remote.IsBroken(err), ctx.Err() != nil, partly.stuck == maxStuck:
		return err
	case len(batch) > 1:
		for _, part := range parts {
			if err := divide(ctx, r, op, from, part, states, partly, do); err != nil {
				return err
			}
		}
		return nil
	}
	file := path.Join(from.Start, batch[0])
	if !errors.Is(cause.Err, fs.ErrNotExist) || !r.Kernel(file) {
		partly.add(opOf(op, cause.Err), file, cause.Err)
	}
	return nil
}

// maxStuck is how often one command waits for what blocks.
const maxStuck = 3

// opOf names what failed: a file that may not be read did not open.
func opOf(op string, err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "open"
	}
	return op
}

// single is below for one file.
func single(ctx context.Context, r *Root, op, name string, do func(*Place, []string, map[string]string) error) (Info, error) {
	info, err := r.Stat(ctx, name, true)
	if err != nil {
		return info, withOp(op, err)
	}
	switch mode := info.FileMode(); {
	case mode.IsDir():
		return info, &fs.PathError{Op: op, Path: name, Err: remote.ErrIsDirectory}
	case !mode.IsRegular():
		return info, &fs.PathError{Op: op, Path: name, Err: remote.ErrSpecial}
	}
	if err := transfer.Sparse(info.Size, info.Blocks); err != nil && !r.Kernel(info.Path) {
		return info, &fs.PathError{Op: op, Path: name, Err: err}
	}
	file := "./" + path.Base(info.Path)
	err = do(&Place{Root: r, Start: path.Dir(info.Path), Within: Physical}, []string{file}, map[string]string{file: info.State})
	return info, withPath(op, name, err)
}

func withOp(op string, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		return &fs.PathError{Op: op, Path: cause.Path, Err: cause.Err}
	}
	return err
}

func withPath(op, name string, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		return &fs.PathError{Op: opOf(op, cause.Err), Path: name, Err: cause.Err}
	}
	return err
}

// directoriesOf lists the directories that files are in, and those on the way.
func directoriesOf(files []string) []string {
	all := map[string]bool{}
	for _, file := range files {
		for d := dirOf(file); !all[d]; d = dirOf(d) {
			all[d] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// dirOf is the directory of ./a/b as find calls it; "." is its own.
func dirOf(file string) string {
	if i := strings.LastIndexByte(file, '/'); i > 0 {
		return file[:i]
	}
	return "."
}

// readsOn reports whether the answer goes on behind an error. What is read twice at once has two sums where it changes in between.
func readsOn(err error) bool {
	return err == nil || err == remote.ErrDamaged || errors.Is(err, remote.ErrRead) //nolint:errorlint // as it was given
}

// steady reads facts of directories and of files, unless their states are known, what inner reads, and the facts once more. Nothing
// on the way was exchanged only where they are the same, those of the walk, and no directory is a link.
func steady(b *remote.Answer, files []string, states map[string]string, known bool, inner func() error) error {
	before, err := readFacts(b)
	if err != nil {
		return err
	}
	innerErr := inner()
	if !readsOn(innerErr) {
		return innerErr
	}
	after, err := readFacts(b)
	if err != nil {
		return err
	}
	if !unchanged(before, after, files, states, known) {
		return remote.ErrChanged
	}
	return innerErr
}

// unchanged compares facts of directories, and files behind them, with those of files and then directories, and with the walk's.
func unchanged(before, after, files []string, states map[string]string, known bool) bool {
	k := len(after) - len(files)
	if k < 0 || len(before) < k || !slices.Equal(before[:k], after[len(files):]) {
		return false
	}
	if others := before[k:]; known && len(others) > 0 || !known && !slices.Equal(others, after[:len(files)]) {
		return false
	}
	for _, directory := range before[:k] {
		if f := strings.Fields(directory); len(f) < 2 || len(f[1]) != 4 || f[1][0] != '4' {
			return false
		}
	}
	for i, file := range files {
		if want := states[file]; (want != "" || known) && want != after[i] {
			return false
		}
	}
	return true
}
