// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// SumOptions say which files are summed up.
type SumOptions struct {
	TreeOptions
	// Recursive sums up the regular files below a directory; without it a directory is ErrIsDirectory.
	Recursive bool
}

// Sum calls fn for the regular file at a path, or for those below it, with its SHA-256. The helper computes them, so the bytes
// stay where they are. Paths and errors are Walk's.
func (r *Root) Sum(ctx context.Context, name string, opts SumOptions, fn func(path string, sum [32]byte) error) (Info, error) {
	return r.below(ctx, "sum", name, opts.Recursive, opts.TreeOptions, func(start string, files []string, states map[string]string) error {
		return r.sums(ctx, "sha256sum", start, "", files, states, func(file string, text string) error {
			var sum [32]byte
			if _, err := hex.Decode(sum[:], []byte(text)); err != nil || len(text) != 2*len(sum) {
				return fmt.Errorf("read checksum %.80q", text)
			}
			return fn(file, sum)
		})
	})
}

// below calls do for the regular files at or below a path in batches: paths as find calls them from the start, and their state.
// A *TreeError of the walk is returned at the end; do adds to it by an error of its own kind.
func (r *Root) below(ctx context.Context, op, name string, recursive bool, opts TreeOptions, do func(string, []string, map[string]string) error) (Info, error) {
	if !recursive {
		return r.single(ctx, op, name, do)
	}
	var files []string
	states := map[string]string{}
	top := ""
	info, err := r.Walk(ctx, name, WalkOptions{TreeOptions: opts}, func(p string, e Entry) error {
		if top == "" {
			top = p
		}
		if s := e.Stat(); s != nil && s.FileMode().IsRegular() {
			sent := "." + strings.TrimPrefix(p, strings.TrimSuffix(top, "/"))
			files, states[sent] = append(files, sent), s.state
		}
		return nil
	})
	partly := &TreeError{}
	if err != nil && !errors.As(err, &partly) {
		return info, err
	}
	if info.FileMode().IsRegular() {
		return r.single(ctx, op, name, do)
	}
	some, odd := batches(files)
	for _, file := range odd {
		some = append(some, []string{file})
	}
	for _, batch := range some {
		if err := r.batch(ctx, op, info.Path, batch, states, partly, do); err != nil {
			return info, err
		}
	}
	if partly.Count > 0 {
		return info, partly
	}
	return info, nil
}

// batch does a batch, and its halves where one of its files is in the way.
func (r *Root) batch(ctx context.Context, op, start string, batch []string, states map[string]string, partly *TreeError, do func(string, []string, map[string]string) error) error {
	err := do(start, batch, states)
	var cause *fs.PathError
	switch {
	case err == nil, !errors.As(err, &cause), isBroken(err), ctx.Err() != nil:
		return err
	case len(batch) > 1:
		half := len(batch) / 2
		if err := r.batch(ctx, op, start, batch[:half], states, partly, do); err != nil {
			return err
		}
		return r.batch(ctx, op, start, batch[half:], states, partly, do)
	}
	file := path.Join(start, batch[0])
	if !errors.Is(cause.Err, fs.ErrNotExist) || !r.Kernel(file) {
		partly.add(opOf(op, cause.Err), file, cause.Err)
	}
	return nil
}

// opOf names what failed: a file that may not be read did not open.
func opOf(op string, err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "open"
	}
	return op
}

func isBroken(err error) bool {
	var broken *BrokenError
	return errors.As(err, &broken)
}

// single is below for one file.
func (r *Root) single(ctx context.Context, op, name string, do func(string, []string, map[string]string) error) (Info, error) {
	info, err := r.Stat(ctx, name, true)
	if err != nil {
		return info, withOp(op, err)
	}
	switch mode := info.FileMode(); {
	case mode.IsDir():
		return info, &fs.PathError{Op: op, Path: name, Err: ErrIsDirectory}
	case !mode.IsRegular():
		return info, &fs.PathError{Op: op, Path: name, Err: ErrSpecial}
	}
	file := "./" + path.Base(info.Path)
	err = do(path.Dir(info.Path), []string{file}, map[string]string{file: info.state})
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

// sums asks for checksums of some files below a start: of several at once, with the facts before and after, or of one by its path.
func (r *Root) sums(ctx context.Context, tool, start, stage string, files []string, states map[string]string, fn func(file, sum string) error) error {
	if len(files) == 1 {
		_, sum, err := r.sumOne(ctx, tool, start, stage, files[0], -1, states[files[0]])
		if err != nil {
			return err
		}
		return fn(path.Join(start, files[0]), sum)
	}
	directories := directoriesOf(files)
	q := request{verb: "sum", args: append([]string{start, stage, "", tool, "-"}, directories...), names: files}
	sums := make([]string, 0, len(files))
	err := r.call(ctx, "sum", start, q, func(b *bufio.Reader) error {
		return steady(b, files, states, func() error {
			text, err := readField(b)
			if err != nil {
				return err
			}
			lines := strings.Split(text, "\n")
			if len(lines) != len(files)+1 || lines[len(files)] != "0" {
				return ErrRead
			}
			for _, line := range lines[:len(files)] {
				sum, _, _ := strings.Cut(strings.TrimPrefix(line, `\`), " ") // GNU marks names with a backslash so
				sums = append(sums, sum)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for i, file := range files {
		if err := fn(path.Join(start, file), sums[i]); err != nil {
			return err
		}
	}
	return nil
}

// sumOne asks for the checksum of the first n bytes of a file, of all of it where n is negative.
func (r *Root) sumOne(ctx context.Context, tool, start, stage, file string, n int64, state string) (size int64, sum string, err error) {
	q := request{verb: "sum", args: []string{path.Join(start, file), "", "", tool, "-"}}
	if stage != "" {
		q.args[0], q.args[1], q.args[2] = start, stage, file
	}
	if n >= 0 {
		q.args[4] = strconv.FormatInt(n, 10)
	}
	name := path.Join(start, file)
	err = r.call(ctx, "sum", name, q, func(b *bufio.Reader) error {
		info, err := r.readBegin(b)
		if err != nil {
			return err
		}
		var text, after string
		if err := readFields(b, &text, &after); err != nil {
			return err
		}
		size, sum = info.Size, strings.TrimLeft(text, ",")
		if kernel := stage == "" && r.Kernel(info.Path); !kernel && (after != info.state || state != "" && state != info.state) {
			return ErrChanged
		}
		return nil
	})
	return size, sum, err
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

// steady reads facts of files and of their directories, what inner reads, and the facts once more. Nothing on the way was exchanged only
// where they are the same, and those of the walk.
func steady(b *bufio.Reader, files []string, states map[string]string, inner func() error) error {
	before, err := readFacts(b)
	if err != nil {
		return err
	}
	innerErr := inner()
	if innerErr != nil && !errors.Is(innerErr, ErrRead) {
		return innerErr
	}
	after, err := readFacts(b)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) || len(before) < len(files) {
		return ErrChanged
	}
	for i, file := range files {
		if want := states[file]; want != "" && want != before[i] {
			return ErrChanged
		}
	}
	return innerErr
}
