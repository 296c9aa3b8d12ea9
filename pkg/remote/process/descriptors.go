// SPDX-License-Identifier: Apache-2.0

package process

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Descriptor is an open file of a process (proc(5), fd and fdinfo).
type Descriptor struct {
	FD int
	// Link is the kernel's name for it: a path, with " (deleted)" behind it where that has no name any more, or "socket:[INODE]",
	// "pipe:[INODE]", "anon_inode:[TYPE]". A process chooses what its files and memfds are called.
	Link string
	// Stat is what stat(2) tells about what is open; nil where that is denied.
	Stat *remote.Stat
	// Position is the offset in bytes, -1 where it is not known.
	Position int64
	// Flags are those of open(2): the access mode in the lowest two bits.
	Flags uint64
}

// Descriptors are the open files of a process, by number. ok is false where the helper may not see them, or the process is gone.
// With some, Link may be "" all the same: their number is not a secret to root, what they are is.
func (r Readings) Descriptors(pid int) (list []Descriptor, ok bool) {
	links := r.Of(pid, "fd")
	if links.Denied || links.Gone {
		return nil, false
	}
	found := map[int]*Descriptor{}
	at := func(number string) *Descriptor {
		fd, err := strconv.Atoi(number)
		if err != nil || fd < 0 {
			return nil
		}
		if found[fd] == nil {
			found[fd] = &Descriptor{FD: fd, Position: -1}
		}
		return found[fd]
	}
	prefix := strconv.Itoa(pid) + "/fd/"
	eachRecord(links.Text, prefix, func(number, text string) {
		if d := at(number); d != nil {
			d.Link = linkText(text, prefix+number)
		}
	})
	eachRecord(r.Of(pid, "fdstat").Text, prefix, func(number, text string) {
		if d := at(number); d != nil {
			// What is no line of facts is as good as none.
			d.Stat, _ = remote.ParseStat(strings.TrimSuffix(text, "\n"))
		}
	})
	r.Of(pid, "fdinfo").Lines(func(path []string, text string) {
		if d := at(path[len(path)-1]); d != nil {
			d.info(text)
		}
	})
	for _, d := range found {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Descriptor) int { return cmp.Compare(a.FD, b.FD) })
	return list, true
}

// info reads a line of fdinfo.
func (d *Descriptor) info(line string) {
	key, value, _ := strings.Cut(line, ":\t")
	switch key {
	case "pos":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			d.Position = n
		}
	case "flags":
		if n, err := strconv.ParseUint(value, 8, 64); err == nil {
			d.Flags = n
		}
	}
}

// eachRecord calls each for records PREFIX NUMBER "//" TEXT. A name may have a newline in it: what does not begin as a record
// belongs to the one before.
func eachRecord(text, prefix string, each func(number, text string)) {
	number, record := "", ""
	for line := range strings.Lines(text) {
		head, rest, ok := strings.Cut(line, "//")
		next, mine := strings.CutPrefix(head, prefix)
		if _, err := strconv.Atoi(next); !ok || !mine || err != nil {
			record += line
			continue
		}
		if number != "" {
			each(number, record)
		}
		number, record = next, rest
	}
	if number != "" {
		each(number, record)
	}
}

// linkText takes what stat's %N has apart: PATH, with quotes where it is busybox's, an arrow and the target.
func linkText(text, path string) string {
	text = strings.TrimSuffix(text, "\n")
	for _, quote := range []string{"'", ""} {
		rest, ok := strings.CutPrefix(text, quote+path+quote+" -> "+quote)
		if target, closed := strings.CutSuffix(rest, quote); ok && closed {
			return target
		}
	}
	return ""
}
