// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// flushAfter is how long a line may wait for company.
const flushAfter = 100 * time.Millisecond

// lines is output of any length: it costs a write for many lines, and none waits for long. Close it.
type lines struct {
	mu      sync.Mutex
	w       *bufio.Writer
	pending *time.Timer
	err     error
}

// Lines prints output of any length on Out.
func (r *Reporter) Lines() *lines { return newLines(r.Out) }

func newLines(w io.Writer) *lines { return &lines{w: bufio.NewWriterSize(newOutput(w), 32<<10)} }

func (l *lines) print(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if _, l.err = l.w.WriteString(text); l.pending == nil {
		l.pending = time.AfterFunc(flushAfter, l.flush)
	}
	return l.err
}

// object prints a line of JSON.
func (l *lines) object(o any) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	return l.print(string(data) + "\n")
}

// path prints a path, followed by a NUL as it is, or on a line of its own fit for a terminal.
func (l *lines) path(path string, nul bool) error {
	if nul {
		return l.print(path + "\x00")
	}
	return l.print(remote.Escape(path) + "\n")
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending != nil {
		l.pending.Stop()
		l.pending = nil
	}
	if err := l.w.Flush(); l.err == nil {
		l.err = err
	}
}

// close prints what waits; nothing is printed after it. Its error counts only where there is no other.
func (l *lines) close(err *error) {
	l.flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	if *err == nil {
		*err = l.err
	}
}

// pathText is a path in JSON.
type pathText struct {
	Path string `json:"path"`
	// PathBytes is the path in base64 where it is not UTF-8, which JSON can't hold.
	PathBytes []byte `json:"pathBytes,omitempty"`
}

func newPathText(path string) pathText {
	p := pathText{Path: path}
	if !utf8.ValidString(path) {
		p.PathBytes = []byte(path)
	}
	return p
}

// fileEntry is a line of "fs -R -o json" and "fs find -o json".
type fileEntry struct {
	typeMeta
	pathText
	file
}

func newFileEntry(path string, e remote.Entry) fileEntry {
	return fileEntry{typeMeta: kind("FileEntry"), pathText: newPathText(path), file: entryFile(e)}
}
