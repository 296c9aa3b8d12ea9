// SPDX-License-Identifier: Apache-2.0

package rootfs

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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
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

// maxMatch is the most that is kept of a line: one may be as long as its file.
const maxMatch = 1 << 20

// Grep calls fn for each line of the regular file at a path, or of those below it, that the pattern is in. The helper
// searches, so the files stay where they are. Files that are not text (a NUL among their first 32 KiB) are left out. Paths
// and errors are Walk's; a pattern that grep does not take is ErrPattern.
func Grep(ctx context.Context, r *Root, name string, opts GrepOptions, fn func(Match) error) (Info, error) {
	if strings.ContainsRune(opts.Pattern, 0) {
		return Info{}, &fs.PathError{Op: "grep", Path: name, Err: remote.ErrPattern}
	}
	flags := ""
	for flag, on := range map[string]bool{"-i ": opts.IgnoreCase, "-F ": opts.Fixed, "-E ": opts.Extended && !opts.Fixed} {
		if on {
			flags += flag
		}
	}
	if opts.FilesOnly {
		flags += "brief"
	}
	return below(ctx, r, "grep", name, opts.Recursive, opts.TreeOptions, func(from *Place, files []string, states map[string]string) error {
		g := &grep{fn: fn, brief: opts.FilesOnly}
		if len(files) == 1 {
			return g.one(ctx, from, files[0], states[files[0]], flags, opts.Pattern)
		}
		q := reading(from.Request("grep", files, append([]string{"", flags, opts.Pattern}, directoriesOf(files)...)...))
		err := r.Ask(ctx, "grep", from.Start, q, func(b *remote.Answer) error {
			return steady(b, files, states, false, func() error { return g.many(b, from.Start, states) })
		})
		if err == errTooMuch { //nolint:errorlint // as it was given
			return &fs.PathError{Op: "grep", Path: from.Start, Err: err}
		}
		if err != nil {
			return err
		}
		return g.give()
	})
}

// maxHeld bounds the matches that are held until it is known that the files of a batch are those that were asked for.
const maxHeld = 8 << 20

// errTooMuch has a batch divided. What a single file has is handed on as it comes.
var errTooMuch = errors.New("too many matches for one batch")

// A grep reads the answers of one search.
type grep struct {
	fn    func(Match) error
	brief bool // names are enough
	found []Match
	size  int
}

// one searches a single file, which was checked, so that its lines need not be held.
func (g *grep) one(ctx context.Context, from *Place, file, state, flags, pattern string) error {
	name := path.Join(from.Start, file)
	q := remote.Request{Verb: "grep", Args: []string{name, from.Within, "", flags, pattern}, Reads: true}
	return from.Root.Ask(ctx, "grep", name, q, func(b *remote.Answer) error {
		info, err := from.Root.readBegin(b)
		if err != nil {
			return err
		}
		if state != "" && !info.GrewFrom(state, 0) && !from.Root.Kernel(info.Path) {
			return remote.ErrChanged
		}
		if err := readLines(b, name, g.fn); err != nil {
			return err
		}
		status, err := b.Field()
		if err != nil {
			return err
		}
		if g.brief && status == ".0" {
			if err := Called(g.fn(Match{Path: name})); err != nil {
				return err
			}
		}
		after, err := b.Field()
		switch {
		case err != nil:
			return err
		case status != ".0" && status != ".1":
			return remote.ErrLongLine
		}
		now, err := remote.ParseStat(after)
		if err == nil && !now.GrewFrom(info.State, info.Size) && !from.Root.Kernel(info.Path) {
			err = remote.ErrChanged
		}
		return err
	})
}

// many reads a path and its lines for each file that matches, and "." with grep's status. Files are those that were asked for.
func (g *grep) many(b *remote.Answer, start string, files map[string]string) error {
	for {
		item, err := b.Field()
		switch {
		case err != nil:
			return err
		case item == ".0", item == ".1":
			return nil
		case !strings.HasPrefix(item, "./"):
			return remote.ErrRead
		}
		if _, asked := files[item]; !asked {
			return fmt.Errorf("read matches: file %.200q", item)
		}
		name := path.Join(start, item)
		if g.brief {
			if err := g.hold(Match{Path: name}); err != nil {
				return err
			}
		}
		if err := readLines(b, name, g.hold); err != nil {
			return err
		}
	}
}

func (g *grep) hold(m Match) error {
	g.found = append(g.found, m)
	if g.size += len(m.Path) + len(m.Text); g.size > maxHeld {
		return errTooMuch
	}
	return nil
}

func (g *grep) give() error {
	for _, m := range g.found {
		if err := g.fn(m); err != nil {
			return err
		}
	}
	return nil
}

// readLines reads lines NUMBER:TEXT up to an empty field.
func readLines(b *remote.Answer, name string, fn func(Match) error) error {
	for {
		line, cut, err := readCut(b, maxMatch)
		if err != nil || line == "" {
			return err
		}
		number, text, ok := strings.Cut(line, ":")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 {
			continue // a grep that takes a file for binary in the middle says so among its lines
		}
		if err := Called(fn(Match{Path: name, Line: n, Text: text, Cut: cut})); err != nil {
			return err
		}
	}
}

// readCut reads up to the next NUL and keeps no more than most.
func readCut(r *remote.Answer, most int) (field string, cut bool, err error) {
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
