// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed grep.sh
var grepScript string

// GrepOptions say what Grep looks for, and where.
type GrepOptions struct {
	TreeOptions
	// Pattern is a basic regular expression, or several, each on a line of its own, as the helper's grep takes them. Its
	// letters are bytes (LC_ALL=C).
	Pattern    string
	IgnoreCase bool // of ASCII letters
	Fixed      bool // the pattern is plain text
	Extended   bool // the pattern is an extended regular expression
	// Recursive looks into the regular files below a directory; without it a directory is ErrIsDirectory.
	Recursive bool
	// FilesOnly asks for the files' names alone.
	FilesOnly bool
}

// A Match is one line that a pattern is in.
type Match struct {
	Path string
	Line int // from 1; 0 with FilesOnly
	// Text is the line without its end. NULs in it are spaces.
	Text string
	// Cut says that the line is longer than what Text has of it.
	Cut bool
}

// matchMax is the most that is kept of a line: one may be as long as its file.
const matchMax = 1 << 20

// Grep calls fn for each line of the regular file at w.Path, or of those below it, that the pattern is in. The helper
// searches, so the files stay where they are. Files that are not text (a NUL among their first 32 KiB) are left out. Paths and errors are Walk's; a pattern
// that grep does not take is ErrPattern.
func Grep(ctx context.Context, r Runner, w Where, opts GrepOptions, fn func(Match) error) (Found, error) {
	return grepIn(ctx, r, procDir, w, opts, fn)
}

func grepIn(ctx context.Context, r Runner, proc string, w Where, opts GrepOptions, fn func(Match) error) (Found, error) {
	if strings.ContainsRune(opts.Pattern, 0) {
		return Found{}, &fs.PathError{Op: "grep", Path: w.Path, Err: ErrPattern}
	}
	q := w.query(verbGrep)
	q.batch, q.more = grepScript, ":"+opts.Pattern
	for option, on := range map[string]bool{
		optionSingle: !opts.Recursive, optionNames: opts.FilesOnly, optionIgnoreCase: opts.IgnoreCase, optionFixed: opts.Fixed, optionExtended: opts.Extended,
	} {
		if on {
			q.options = append(q.options, option)
		}
	}
	t := newTree("grep", w, opts.TreeOptions)
	t.items['f'] = func(r *bufio.Reader, sent string) error {
		path, _, err := t.below(sent)
		if err != nil {
			return err
		}
		if opts.FilesOnly {
			if err := t.call(fn(Match{Path: path})); err != nil {
				return err
			}
		}
		for {
			line, cut, err := readCut(r, matchMax)
			if err != nil || line == "" {
				return err
			}
			m := Match{Path: path, Cut: cut}
			number, text, ok := strings.Cut(line, ":")
			if m.Line, err = strconv.Atoi(number); !ok || err != nil {
				// A grep that takes a file for binary in the middle says so among its lines.
				continue
			}
			m.Text = text
			if err := t.call(fn(m)); err != nil {
				return err
			}
		}
	}
	return t.ask(ctx, r, proc, q)
}

// readCut reads up to the next NUL and keeps no more than most.
func readCut(r *bufio.Reader, most int) (field string, cut bool, err error) {
	var kept []byte
	for {
		part, err := r.ReadSlice(0)
		if err == nil {
			part = part[:len(part)-1]
		}
		room := most - len(kept)
		cut = cut || len(part) > room
		kept = append(kept, part[:min(len(part), room)]...)
		switch {
		case err == nil:
			return string(kept), cut, nil
		case errors.Is(err, io.EOF):
			return "", false, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", false, fmt.Errorf("read match: %w", err)
		}
	}
}
