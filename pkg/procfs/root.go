// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// A RootFS is the root of one process as an fs.FS. Every link resolves inside it. Each call is one command in the
// helper. It may be used by several goroutines.
//
// Names follow fs.ValidPath, but need not be UTF-8: Linux has such files. A process's PID that has meanwhile become
// another's is ErrNoProcess. Errors are *fs.PathError around the errors of this package, of fs, of the Runner, or
// io.ErrUnexpectedEOF where an answer was cut short.
type RootFS struct {
	ctx    context.Context //nolint:containedctx // the methods of io/fs have none
	runner Runner
	proc   string
	pid    int
	start  atomic.Uint64 // 1 + start ticks, once known
}

var (
	_ fs.ReadDirFS  = (*RootFS)(nil)
	_ fs.ReadFileFS = (*RootFS)(nil)
	_ fs.StatFS     = (*RootFS)(nil)
	_ fs.ReadLinkFS = (*RootFS)(nil)
)

// Root returns the root of process pid. It asks nothing yet. ctx ends every call, and what is open.
func Root(ctx context.Context, r Runner, pid int) *RootFS {
	return &RootFS{ctx: ctx, runner: r, proc: procDir, pid: pid}
}

// Open opens a file or a directory, following links. A file's bytes are sent while it is read, so it must be closed;
// io.EOF comes only once all of them have arrived.
func (f *RootFS) Open(name string) (fs.File, error) {
	q, err := f.query("open", name, verbShow)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(f.ctx)
	pipeReader, pipeWriter := io.Pipe()
	opened, ended := make(chan facts, 1), make(chan struct{})
	var s shown
	crash.Go(ctx, func() {
		defer close(ended)
		s, err = q.show(ctx, f.runner, f.proc, func(id identity, facts facts) (io.Writer, error) {
			if err := f.check(id); err != nil {
				return nil, err
			}
			opened <- facts
			return pipeWriter, nil
		})
		if err == nil {
			err = f.check(s.id)
		}
		pipeWriter.CloseWithError(f.wrap("read", name, err))
	})
	select {
	case facts := <-opened:
		return &file{info: fileInfo{path.Base(name), facts.stat}, Reader: pipeReader, close: func() { cancel(); pipeReader.Close() }}, nil
	case <-ended:
		cancel()
	}
	select {
	case facts := <-opened: // an empty file ends as soon as it is open
		return &file{info: fileInfo{path.Base(name), facts.stat}, Reader: pipeReader, close: func() { pipeReader.Close() }}, nil
	default:
	}
	if err != nil {
		return nil, f.wrap("open", name, err)
	}
	return &directory{info: fileInfo{path.Base(name), s.facts.stat}, entries: s.entries}, nil
}

// ReadDir lists a directory, sorted by name. A name whose facts cannot be read stays in the list; its Info says why.
func (f *RootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	s, err := f.show("readdir", name, verbList, nil)
	entries := make([]fs.DirEntry, len(s.entries))
	for i, e := range s.entries {
		entries[i] = e
	}
	return entries, err
}

// ReadFile reads a file into memory. It returns either all of it or an error.
func (f *RootFS) ReadFile(name string) ([]byte, error) {
	var content bytes.Buffer
	_, err := f.show("read", name, verbRead, &content)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, content.Bytes()...), nil
}

// Stat returns facts about a file, following links. Their Sys() is a *Stat.
func (f *RootFS) Stat(name string) (fs.FileInfo, error) { return f.info("stat", name, verbStat) }

// Lstat returns facts about a file, a link in last place not followed. Their Sys() is a *Stat.
func (f *RootFS) Lstat(name string) (fs.FileInfo, error) { return f.info("lstat", name, verbLstat) }

// ReadLink returns what is written in a link.
func (f *RootFS) ReadLink(name string) (string, error) {
	info, err := f.info("readlink", name, verbLstat)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return "", f.wrap("readlink", name, fs.ErrInvalid)
	}
	return info.Sys().(*Stat).LinkTarget, nil
}

func (f *RootFS) info(op, name, verb string) (fs.FileInfo, error) {
	q, err := f.query(op, name, verb)
	if err != nil {
		return nil, err
	}
	id, facts, err := q.run(f.ctx, f.runner, f.proc, nil)
	if err == nil {
		err = f.check(id)
	}
	if err != nil {
		return nil, f.wrap(op, name, err)
	}
	return fileInfo{path.Base(name), facts.stat}, nil
}

func (f *RootFS) show(op, name, verb string, w io.Writer) (shown, error) {
	q, err := f.query(op, name, verb)
	if err != nil {
		return shown{}, err
	}
	s, err := q.show(f.ctx, f.runner, f.proc, func(identity, facts) (io.Writer, error) { return w, nil })
	if err == nil {
		err = f.check(s.id)
	}
	return s, f.wrap(op, name, err)
}

func (f *RootFS) query(op, name, verb string) (query, error) {
	if !validPath(name) {
		return query{}, f.wrap(op, name, fs.ErrInvalid)
	}
	return query{verb: verb, pid: f.pid, path: name}, nil
}

// check holds on to the process that the first answer was about.
func (f *RootFS) check(id identity) error {
	start := id.process.StartTicks + 1
	if f.start.CompareAndSwap(0, start) || f.start.Load() == start {
		return nil
	}
	return fmt.Errorf("process %d is another one now: %w", f.pid, ErrNoProcess)
}

func (f *RootFS) wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// validPath is fs.ValidPath without its demand for UTF-8.
func validPath(name string) bool {
	if name == "." {
		return true
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return false
		}
	}
	return !strings.ContainsRune(name, 0)
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.name, b.name) })
}

// A file is an open regular file.
type file struct {
	io.Reader
	info  fileInfo
	close func()
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *file) Close() error {
	f.close()
	return nil
}

// A directory is an open one; its entries came with it.
type directory struct {
	info    fileInfo
	entries []Entry
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *directory) Close() error               { return nil }

func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: ErrIsDirectory}
}

func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.entries) {
		if n > 0 && len(d.entries) == 0 {
			return nil, io.EOF
		}
		n = len(d.entries)
	}
	list := make([]fs.DirEntry, n)
	for i, e := range d.entries[:n] {
		list[i] = e
	}
	d.entries = d.entries[n:]
	return list, nil
}
