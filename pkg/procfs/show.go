// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Where says which file of which process.
type Where struct {
	// PID is the process whose root is meant. 0 means the first one of Container: the one that started first, and
	// where that denies its root the next one that does not, since all processes of a container have the same root.
	PID int
	// Container is the hexadecimal part of a containerID, looked for in the cgroups when PID is 0. "" means PID 1.
	Container string
	// Alone says that the helper sees one container's processes only, so that PID 1 is the first one even where no
	// cgroup names the container (private cgroup namespaces may hide the name).
	Alone bool
	// Siblings lets a process of the same container stand in when the one of PID denies its root.
	Siblings bool
	// Path below the process's root; with or without a leading slash, "" is the root. Not cleaned: "..", links and a
	// trailing slash mean what the kernel takes them for.
	Path string
	// FactsOnly asks for neither entries nor bytes. A link in last place is then not followed.
	FactsOnly bool
}

// Found is what Show came to know before the entries or the bytes.
type Found struct {
	PID        int    // whose root was used
	StartTicks uint64 // with PID it tells a process from a later one of that PID
	Process    string // its comm
	Denied     []int  // processes of the container that were tried before PID and denied their root
	Path       string // physical: without links, starting with "/" below the root
	Info       fs.FileInfo
}

// Stat is Info's Sys(): with owner names from the target's own passwd and group. It is nil where Info is.
func (f Found) Stat() *Stat {
	if f.Info == nil {
		return nil
	}
	s, _ := f.Info.Sys().(*Stat)
	return s
}

// Show answers one path with one command, whatever it is: a directory's entries, sorted by name, or a file's bytes.
// Links are followed. Entries' facts have owner names from the target's own passwd and group.
//
// For a regular file, open is called once, before its first byte, and the bytes go to the io.Writer that it returns;
// they are all there exactly when the error is nil. Show never holds more than a buffer of them. An error of open or
// of that writer ends Show and is returned as it is.
//
// Other errors are *fs.PathError: fs.ErrNotExist, fs.ErrPermission (an *AccessError where the process denied its
// root), ErrLoop, ErrNotDirectory, ErrNameTooLong, ErrNoProcess, ErrChanged, ErrRead, io.ErrUnexpectedEOF (the answer
// was cut short), *MissingToolError; and ErrSpecial for what is neither directory nor regular file: Found is complete
// then. Found.PID is set whenever the process was found.
func Show(ctx context.Context, r Runner, w Where, open func(Found) (io.Writer, error)) (Found, []Entry, error) {
	return showIn(ctx, r, procDir, w, open)
}

func showIn(ctx context.Context, r Runner, proc string, w Where, open func(Found) (io.Writer, error)) (Found, []Entry, error) {
	q := w.query(verbShow)
	if w.FactsOnly {
		q.verb = verbLstat
	}
	return q.copy(ctx, r, proc, w, open)
}

func (w Where) query(verb string) query {
	q := query{verb: verb, pid: w.PID, container: w.Container, path: w.Path, options: []string{optionOwners}}
	if w.Alone {
		q.options = append(q.options, optionAlone)
	}
	if w.Siblings {
		q.options = append(q.options, optionSiblings)
	}
	return q
}

// copy is show for callers outside, who know a process's files by Where and Found.
func (q query) copy(ctx context.Context, r Runner, proc string, w Where, open func(Found) (io.Writer, error)) (Found, []Entry, error) {
	var local error
	s, err := q.show(ctx, r, proc, func(id identity, f facts) (io.Writer, error) {
		if w.FactsOnly {
			return io.Discard, nil
		}
		out, err := open(newFound(w, id, f))
		local = err
		return &localWriter{out, &local}, err
	})
	found := newFound(w, s.id, s.facts)
	switch {
	case local != nil:
		return found, nil, local
	case err != nil:
		return found, s.entries, &fs.PathError{Op: "open", Path: w.Path, Err: err}
	}
	return found, s.entries, nil
}

func newFound(w Where, id identity, f facts) Found {
	found := Found{
		PID: id.process.PID, StartTicks: id.process.StartTicks, Process: id.process.Name,
		Denied: id.denied, Path: f.path,
	}
	if f.stat != nil {
		found.Info = fileInfo{baseName(w.Path), f.stat}
	}
	return found
}

// baseName is the last element as it was asked for: a link's own name, not that of what it leads to.
func baseName(name string) string {
	return path.Base("/" + strings.TrimRight(name, "/"))
}

// A localWriter keeps the first error of the caller's own writer, which is not about the file.
type localWriter struct {
	w   io.Writer
	err *error
}

func (l *localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if *l.err == nil {
		*l.err = err
	}
	return n, err
}
