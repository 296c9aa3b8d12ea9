// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed fs.sh
var fsScript string

//go:embed jail.sh
var jailScript string

//go:embed enter.sh
var enterScript string

//go:embed inside.sh
var insideScript string

//go:embed batch.sh
var batchScript string

// What fs.sh does with a path.
const (
	verbLstat = "lstat" // facts, of a link itself
	verbStat  = "stat"  // facts
	verbList  = "list"  // facts and entries
	verbRead  = "read"  // facts and bytes
	verbShow  = "show"  // facts, and entries or bytes
	verbTail  = "tail"  // facts and last lines
	verbWalk  = "walk"  // facts, and all that is below
	verbSum   = "sum"   // facts, and checksums of the files below
	verbGrep  = "grep"  // facts, and lines of the files below
)

// Options of fs.sh.
const (
	optionOwners   = "owners"   // names of owners too
	optionAlone    = "alone"    // PID 1 where no cgroup names the container
	optionSiblings = "siblings" // a given PID that denies its root may be stood in for
	optionCareful  = "careful"  // names also of entries that cannot be looked at
	optionFollow   = "follow"   // tail: what is appended too
	optionLinks    = "links"    // walk: what is written in links
	optionXdev     = "xdev"     // walk, sum, grep: one file system
	optionKernel   = "kernel"   // walk, sum, grep: /proc and /sys too
	optionSingle   = "single"   // sum, grep: a file, not a directory
	optionNames    = "names"    // grep: files, not lines
)

// Flags of grep, among the options.
const (
	optionIgnoreCase = "case"
	optionFixed      = "fixed"
	optionExtended   = "extended"
)

// A query is one question to fs.sh.
type query struct {
	verb      string
	pid       int // 0: the first of the container
	container string
	options   []string
	path      string
	more      string // what a verb's own argument is
	tree      string // a script of tree.go in front of fs.sh
	batch     string // instead of batch.sh
}

// run asks. body gets the answer behind the facts; where the process is known an error may come with an identity.
func (q query) run(ctx context.Context, r Runner, proc string, body func(identity, facts, *bufio.Reader) error) (identity, facts, error) {
	switch {
	case strings.ContainsRune(q.path, 0):
		return identity{}, facts{}, fs.ErrInvalid
	case len(q.path) > pathMax:
		return identity{}, facts{}, ErrNameTooLong
	}
	var id identity
	var f facts
	scripts := []string{lookText + commonScript + chooseScript() + jailScript + enterScript, insideScript + resolveScript + q.tree + lookScript(), cmp.Or(q.batch, batchScript)}
	args := []string{q.verb, proc, strconv.Itoa(q.pid), q.container, strings.Join(q.options, ","), q.path, q.more}
	err := ask(ctx, r, scripts, args, func(b *bufio.Reader) error {
		var err error
		if id, err = readIdentity(b); err != nil {
			return err
		}
		if f, err = readFacts(b); err != nil {
			return err
		}
		if body == nil {
			return nil
		}
		return body(id, f, b)
	})
	switch {
	case errors.Is(err, errRootDenied):
		err = id.accessError()
	case errors.Is(err, ErrNoProcess) && q.pid != 0:
		err = fmt.Errorf("process %d: %w", q.pid, ErrNoProcess)
	case errors.Is(err, ErrNoProcess) && q.container != "":
		err = fmt.Errorf("container %s: %w", q.container, ErrNoProcess)
	}
	return id, f, err
}

// lookText reads the text that looks at files. fs.sh reads the last one before it starts to watch over stdin.
const lookText = "section || exit\nlook=$text wants=\n"

// lookScript is what fs.sh does once it has a process: it may run inside that one's root.
func lookScript() string {
	_, text, _ := strings.Cut(fsScript, "\nfollow=1\n")
	return "follow=1\n" + text
}

// pathMax is the longest path that Linux takes (PATH_MAX without its NUL).
const pathMax = 4095

// What show came to know.
type shown struct {
	id      identity
	facts   facts
	entries []Entry
}

// show asks for a file's bytes or a directory's entries. open is called once for a file, before its first byte. What
// changed under the helper's hands, or could not be looked at, is asked for a second time.
func (q query) show(ctx context.Context, r Runner, proc string, open func(identity, facts) (io.Writer, error)) (shown, error) {
	for try := 0; ; try++ {
		var s shown
		var err error
		complete := true
		s.id, s.facts, err = q.run(ctx, r, proc, func(id identity, f facts, b *bufio.Reader) error {
			if f.stat.FileMode().IsDir() {
				var err error
				s.entries, complete, err = readEntries(b)
				return err
			}
			if !f.stat.FileMode().IsRegular() {
				return nil
			}
			w, err := open(id, f)
			if err != nil {
				return err
			}
			_, err = b.WriteTo(w)
			return err
		})
		again := errors.Is(err, ErrChanged) || err == nil && !complete
		if again && try == 0 {
			q.options = append(slices.Clone(q.options), optionCareful)
			continue
		}
		for _, e := range s.entries {
			if e.stat != nil {
				s.facts.name(e.stat)
			}
		}
		sortEntries(s.entries)
		return s, err
	}
}
