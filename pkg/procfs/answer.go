// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// No field of an answer is longer than this: the longest are passwd and group, cut at 1 MiB, and a batch's facts.
const fieldLimit = 8 << 20

// readField reads up to the next NUL.
func readField(r *bufio.Reader) (string, error) {
	var field []byte
	for {
		part, err := r.ReadSlice(0)
		field = append(field, part...)
		switch {
		case err == nil:
			return string(field[:len(field)-1]), nil
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		case len(field) > fieldLimit:
			return "", errors.New("read answer of helper: a field without end")
		}
	}
}

// readFields reads the next fields into the places given.
func readFields(r *bufio.Reader, into ...*string) error {
	for _, place := range into {
		var err error
		if *place, err = readField(r); err != nil {
			return err
		}
	}
	return nil
}

// An identity is the process that a question about files was answered through.
type identity struct {
	process Process // PID, Name, State, UID, GID, StartTicks
	denied  []int
}

func readIdentity(r *bufio.Reader) (identity, error) {
	var pid, denied, stat, status string
	if err := readFields(r, &pid, &denied, &stat, &status); err != nil {
		return identity{}, err
	}
	var id identity
	var err error
	if id.process.PID, err = strconv.Atoi(pid); err != nil {
		return identity{}, fmt.Errorf("read answer of helper: %w", err)
	}
	for _, word := range strings.Fields(denied) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return identity{}, fmt.Errorf("read answer of helper: %w", err)
		}
		id.denied = append(id.denied, n)
	}
	if err := parseProcStat(&id.process, stat); err != nil {
		return identity{}, err
	}
	return id, parseStatus(&id.process, status)
}

// accessError says that id's process denied its root.
func (id identity) accessError() error {
	p := id.process
	tried := id.denied
	if !slices.Contains(tried, p.PID) {
		tried = append(tried, p.PID)
	}
	return &AccessError{PID: p.PID, Name: p.Name, UID: p.UID, GID: p.GID, State: p.State, Tried: tried, Undumpable: p.Undumpable}
}

// facts are about the file that a path led to.
type facts struct {
	path          string // physical, below the target's root
	stat          *Stat
	users, groups map[uint32]string
}

func readFacts(r *bufio.Reader) (facts, error) {
	var f facts
	var line, link, passwd, group string
	if err := readFields(r, &f.path, &line, &link, &passwd, &group); err != nil {
		return facts{}, err
	}
	var err error
	if f.stat, err = parseStat(line); err != nil {
		return facts{}, err
	}
	f.users, f.groups = parseNames(passwd), parseNames(group)
	f.stat.LinkTarget = link
	f.name(f.stat)
	return f, nil
}

// name fills in the owner's names.
func (f facts) name(s *Stat) {
	s.User, s.Group = f.users[s.UID], f.groups[s.GID]
}

// readEntries reads batches to the end of the answer. It reports whether everything in the directory could be read;
// what could not keeps its name.
func readEntries(r *bufio.Reader) (entries []Entry, complete bool, err error) {
	complete = true
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return entries, complete, nil
		}
		batch, whole, err := readBatch(r)
		if err != nil {
			return nil, false, err
		}
		complete = complete && whole
		entries = append(entries, batch...)
	}
}

// notSeen stands where a name would, for what find could not look at.
const notSeen = "!"

func validName(name string) bool { return name != "" && name != "." && name != ".." }

func readBatch(r *bufio.Reader) (entries []Entry, complete bool, err error) {
	for {
		path, err := readField(r)
		if err != nil {
			return nil, false, err
		}
		if path == "" {
			break
		}
		e := Entry{err: errUnreadable}
		if path != notSeen {
			if e.name = path[strings.LastIndexByte(path, '/')+1:]; !validName(e.name) {
				return nil, false, fmt.Errorf("read directory: entry %q", path)
			}
		}
		entries = append(entries, e)
	}
	text, err := readField(r)
	if err != nil {
		return nil, false, err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(entries) {
		return nil, false, fmt.Errorf("read directory: %d names, facts about %d", len(entries), len(lines))
	}
	for i, line := range lines {
		if line == "-" {
			continue
		}
		if entries[i].stat, err = parseStat(line); err != nil {
			return nil, false, err
		}
	}
	if err := readLinks(r, entries); err != nil {
		return nil, false, err
	}
	complete = !slices.ContainsFunc(entries, func(e Entry) bool { return e.stat == nil })
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.name == "" }), complete, nil
}

// errUnreadable is about a name whose facts the helper could not read: the directory may not be entered, or the file
// went away.
var errUnreadable = fmt.Errorf("facts not readable: %w", fs.ErrPermission)

func readLinks(r *bufio.Reader, entries []Entry) error {
	for {
		record, err := readField(r)
		if err != nil || record == "" {
			return err
		}
		index, target, ok := strings.Cut(record, ":")
		i, err := strconv.Atoi(index)
		if !ok || err != nil || i < 0 || i >= len(entries) {
			return fmt.Errorf("read directory: link %q of %d entries", index, len(entries))
		}
		if s := entries[i].stat; s != nil && s.FileMode()&fs.ModeSymlink != 0 {
			s.LinkTarget = target
		}
	}
}
