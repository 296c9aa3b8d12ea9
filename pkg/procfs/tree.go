// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed tree.sh
var treeScript string

// TreeOptions say how far Walk, Sum and Grep go.
type TreeOptions struct {
	// MaxDepth is the number of levels below the start that are looked at; 0 means all of them.
	MaxDepth int
	// OneFileSystem stays on the start's file system: volumes are named, and not entered.
	OneFileSystem bool
	// KernelFiles enters /proc and /sys also where the start is the root; they are named in any case, and entered where
	// they, or what is below them, are the start.
	KernelFiles bool
}

// A TreeError says what of a tree could not be read. All the rest was.
type TreeError struct {
	// Failures are the first ones, each an *fs.PathError with a path from the process's root.
	Failures []error
	// Count is the number of all of them.
	Count int
}

// failuresKept bounds what a TreeError holds.
const failuresKept = 100

// Error names the first failure.
func (e *TreeError) Error() string {
	text := e.Failures[0].Error()
	if e.Count > 1 {
		text += fmt.Sprintf(", and %d more", e.Count-1)
	}
	return text
}

// Unwrap lets errors.Is find what the failures are.
func (e *TreeError) Unwrap() []error { return e.Failures }

func (e *TreeError) add(op, path string, err error) {
	e.Count++
	if len(e.Failures) < failuresKept {
		e.Failures = append(e.Failures, &fs.PathError{Op: op, Path: path, Err: err})
	}
}

// A tree is an answer of tree.sh while it is read.
type tree struct {
	op       string
	opts     TreeOptions
	where    Where
	found    Found
	facts    facts
	base     string // the start, as the script writes it
	inside   string // the same, where the script runs inside the process's root
	failed   TreeError
	callback error // what the caller's function ended the reading with
	items    map[byte]func(r *bufio.Reader, rest string) error
	last     func()       // what there is to do at the end
	settle   func() error // whether all that was announced has come, where batches say so
}

func newTree(op string, w Where, opts TreeOptions) *tree {
	t := &tree{op: op, where: w, opts: opts, items: map[byte]func(*bufio.Reader, string) error{}}
	t.items['c'], t.items['C'] = t.closedFile, t.closedFolder
	return t
}

// ask asks q, and reads items to the end.
func (t *tree) ask(ctx context.Context, r Runner, proc string, q query) (Found, error) {
	q.tree = treeScript
	if t.opts.OneFileSystem {
		q.options = append(q.options, optionXdev)
	}
	if t.opts.KernelFiles {
		q.options = append(q.options, optionKernel)
	}
	depth := ""
	if t.opts.MaxDepth > 0 {
		depth = strconv.Itoa(t.opts.MaxDepth)
	}
	q.more = depth + q.more
	id, f, err := q.run(ctx, r, proc, t.read)
	t.found = newFound(t.where, id, f)
	switch {
	case t.callback != nil:
		return t.found, t.callback
	case err != nil:
		return t.found, &fs.PathError{Op: t.op, Path: t.where.Path, Err: err}
	case t.failed.Count > 0:
		return t.found, &t.failed
	}
	return t.found, nil
}

func (t *tree) read(id identity, f facts, r *bufio.Reader) error {
	t.begin(id, f)
	for {
		item, err := readField(r)
		if err != nil {
			return err
		}
		if item == "" {
			return errors.New("read tree: an item without a kind")
		}
		if item[0] == 'e' {
			return t.end(item[1:])
		}
		handle, ok := t.items[item[0]]
		if !ok {
			return fmt.Errorf("read tree: item %.20q", item)
		}
		if err := handle(r, item[1:]); err != nil {
			return err
		}
	}
}

func (t *tree) begin(id identity, f facts) {
	t.facts, t.found = f, newFound(t.where, id, f)
	t.inside = f.path
	if f.path == "/" {
		t.inside = "/."
	}
	t.base = strconv.Itoa(id.process.PID) + "/root" + t.inside
}

// end reads how find and xargs ended. What find could not look at has mostly been named by then.
func (t *tree) end(state string) error {
	var find, xargs int
	if n, err := fmt.Sscanf(state, "find %d xargs %d", &find, &xargs); n != 2 || err != nil {
		return fmt.Errorf("read tree: end %.40q", state)
	}
	if t.settle != nil {
		if err := t.settle(); err != nil {
			return err
		}
		// The status of a batch that had trouble (xargs(1)): what trouble, and that it came to its end, settle knows.
		if xargs == 123 {
			xargs = 0
		}
	}
	if xargs != 0 {
		return ErrRead
	}
	if t.last != nil {
		t.last()
	}
	if find != 0 && t.failed.Count == 0 && !t.opts.KernelFiles && !volatile(t.found.Path) {
		t.failed.add(t.op, t.found.Path, ErrChanged)
	}
	return nil
}

// volatile tells what comes and goes with processes, the helper's own among them: that it went is no news.
func volatile(path string) bool { return strings.HasPrefix(path+"/", "/proc/") }

// below makes a path of the script's one of the process's root. Depth is the number of levels below the start.
func (t *tree) below(sent string) (path string, depth int, err error) {
	base := t.base
	if strings.HasPrefix(sent, "/") {
		base = t.inside
	}
	rest, ok := strings.CutPrefix(sent, base)
	if !ok || rest != "" && rest[0] != '/' {
		return "", 0, fmt.Errorf("read tree: path %.200q is not below %.200q", sent, base)
	}
	if rest == "" {
		return t.found.Path, 0, nil
	}
	for name := range strings.SplitSeq(rest[1:], "/") {
		depth++
		if !validName(name) {
			return "", 0, fmt.Errorf("read tree: path %.200q", sent)
		}
	}
	return strings.TrimSuffix(t.found.Path, "/") + rest, depth, nil
}

// closedFile and closedFolder are about what does not open. A directory as deep as the reading goes need not.
func (t *tree) closedFile(_ *bufio.Reader, sent string) error   { return t.closed(sent, 0) }
func (t *tree) closedFolder(_ *bufio.Reader, sent string) error { return t.closed(sent, 1) }

func (t *tree) closed(sent string, inside int) error {
	path, depth, err := t.below(sent)
	if err == nil && (t.opts.MaxDepth == 0 || depth+inside <= t.opts.MaxDepth) {
		t.failed.add("open", path, fs.ErrPermission)
	}
	return err
}

// call keeps apart what the caller's own function says.
func (t *tree) call(err error) error {
	t.callback = err
	return err
}
