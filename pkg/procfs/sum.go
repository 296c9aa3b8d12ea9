// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

//go:embed sum.sh
var sumScript string

// SumOptions say which files Sum takes.
type SumOptions struct {
	TreeOptions
	// Recursive takes the regular files below a directory; without it a directory is ErrIsDirectory.
	Recursive bool
}

// Sum calls fn with the SHA-256 of the regular file at w.Path, or of those below it, as the helper has computed them:
// the bytes stay where they are. Paths and errors are Walk's.
func Sum(ctx context.Context, r Runner, w Where, opts SumOptions, fn func(path string, sum [32]byte) error) (Found, error) {
	return sumIn(ctx, r, procDir, w, opts, fn)
}

func sumIn(ctx context.Context, r Runner, proc string, w Where, opts SumOptions, fn func(string, [32]byte) error) (Found, error) {
	q := w.query(verbSum)
	q.batch = sumScript
	if !opts.Recursive {
		q.options = append(q.options, optionSingle)
	}
	t := newTree("sum", w, opts.TreeOptions)
	// How many files the helper tried and has not given a sum of.
	missing := 0
	t.items['n'] = func(_ *bufio.Reader, count string) error {
		n, err := strconv.Atoi(count)
		missing += n
		return err
	}
	one := func(sent, text string) error {
		path, _, err := t.below(sent)
		if err != nil {
			return err
		}
		var sum [32]byte
		if len(text) != 2*len(sum) {
			return fmt.Errorf("read checksum %.80q", text)
		}
		if _, err := hex.Decode(sum[:], []byte(text)); err != nil {
			return fmt.Errorf("read checksum %.80q: %w", text, err)
		}
		missing--
		return t.call(fn(path, sum))
	}
	t.items['s'] = func(r *bufio.Reader, sent string) error {
		text, err := readField(r)
		if err != nil {
			return err
		}
		return one(sent, text)
	}
	t.items['S'] = func(_ *bufio.Reader, text string) error {
		for line := range strings.Lines(text) {
			sum, sent, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			if err := one(sent, sum); err != nil {
				return err
			}
		}
		return nil
	}
	t.last = func() {
		if missing != 0 && !volatile(t.found.Path) {
			t.failed.add("sum", t.found.Path, ErrChanged)
			t.failed.Count += max(missing, 1) - 1
		}
	}
	return t.ask(ctx, r, proc, q)
}
