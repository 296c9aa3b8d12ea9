// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

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

// Grep calls fn for each line of the regular file at a path, or of those below it, that the pattern is in. The helper
// searches, so the files stay where they are. Files that are not text (a NUL among their first 32 KiB) are left out. Paths
// and errors are Walk's; a pattern that grep does not take is ErrPattern.
func (r *Root) Grep(ctx context.Context, name string, opts GrepOptions, fn func(Match) error) (Info, error) {
	if strings.ContainsRune(opts.Pattern, 0) {
		return Info{}, &fs.PathError{Op: "grep", Path: name, Err: ErrPattern}
	}
	flags := ""
	for flag, on := range map[string]bool{"i": opts.IgnoreCase, "F": opts.Fixed, "E": opts.Extended, "l": opts.FilesOnly} {
		if on {
			flags += flag
		}
	}
	return r.below(ctx, "grep", name, opts.Recursive, opts.TreeOptions, func(start string, files []string, states map[string]string) error {
		q := request{verb: "grep", args: append([]string{start, "", flags, opts.Pattern}, directoriesOf(files)...), names: files}
		if strings.Contains(files[0], "\n") {
			q.args[1], q.names = files[0], nil
		}
		h := &heldMatches{fn: fn, single: len(files) == 1}
		err := r.call(ctx, "grep", start, q, func(b *bufio.Reader) error {
			return steady(b, files, states, func() error { return readMatches(b, start, states, h.add) })
		})
		if err == errTooMuch { //nolint:errorlint // as it was given
			return &fs.PathError{Op: "grep", Path: start, Err: err}
		}
		if err != nil {
			return err
		}
		return h.give()
	})
}

// heldMost bounds the matches that are held until it is known that the files of a batch are those that were asked for.
const heldMost = 8 << 20

// errTooMuch has a batch divided. What a single file has is handed on as it comes.
var errTooMuch = errors.New("too many matches for one batch")

// heldMatches are those of one request.
type heldMatches struct {
	fn     func(Match) error
	single bool
	found  []Match
	size   int
}

func (h *heldMatches) add(m Match) error {
	h.found = append(h.found, m)
	if h.size += len(m.Path) + len(m.Text); h.size <= heldMost {
		return nil
	}
	if !h.single {
		return errTooMuch
	}
	return h.give()
}

func (h *heldMatches) give() error {
	for i, m := range h.found {
		if err := h.fn(m); err != nil {
			h.found = h.found[i:]
			return err
		}
	}
	h.found = nil
	return nil
}

// readMatches reads "f" PATH, lines NUMBER:TEXT and an empty field for each file, and "e" with grep's status. Files are those that were
// asked for.
func readMatches(b *bufio.Reader, start string, files map[string]string, fn func(Match) error) error {
	for {
		item, err := readField(b)
		switch {
		case err != nil:
			return err
		case item == "e0", item == "e1":
			return nil
		case strings.HasPrefix(item, "e"):
			return ErrRead
		case !strings.HasPrefix(item, "f"):
			return fmt.Errorf("read matches: item %.20q", item)
		}
		if _, asked := files[item[1:]]; !asked {
			return fmt.Errorf("read matches: file %.200q", item[1:])
		}
		m := Match{Path: path.Join(start, item[1:])}
		for first := true; ; first = false {
			line, cut, err := readCut(b, matchMax)
			if err != nil {
				return err
			}
			if line == "" {
				if first {
					if err := called(fn(m)); err != nil {
						return err
					}
				}
				break
			}
			number, text, ok := strings.Cut(line, ":")
			if m.Line, err = strconv.Atoi(number); !ok || err != nil || m.Line < 1 {
				continue // a grep that takes a file for binary in the middle says so among its lines
			}
			m.Text, m.Cut = text, cut
			if err := called(fn(m)); err != nil {
				return err
			}
		}
	}
}

// readCut reads up to the next NUL and keeps no more than most.
func readCut(r *bufio.Reader, most int) (field string, cut bool, err error) {
	var kept []byte
	for {
		part, err := r.ReadSlice(0)
		if err == nil {
			part = part[:len(part)-1]
		}
		left := most - len(kept)
		cut = cut || len(part) > left
		kept = append(kept, part[:min(len(part), left)]...)
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
