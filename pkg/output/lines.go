// SPDX-License-Identifier: Apache-2.0

package output

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

// output is where the bytes go. Its errors are not about the file they come from.
type writer struct{ io.Writer }

// NewOutput returns a writer to w.
func NewOutput(w io.Writer) io.Writer { return writer{w} }

// WriteError is an error of writing output, not of the file that it comes from.
type WriteError struct{ error }

func (e WriteError) Error() string { return "write output: " + e.error.Error() }

func (e WriteError) Unwrap() error { return e.error }

func (o writer) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		err = WriteError{err}
	}
	return n, err
}

// flushAfter is the longest time a line stays buffered.
const flushAfter = 100 * time.Millisecond

// Lines is output of any length: it costs a write for many lines, and none waits for long. Close it.
type Lines struct {
	mu      sync.Mutex
	w       *bufio.Writer
	pending *time.Timer
	err     error
}

// Lines prints output of any length on Out.
func (r *Reporter) Lines() *Lines { return newLines(r.Out) }

func newLines(w io.Writer) *Lines { return &Lines{w: bufio.NewWriterSize(NewOutput(w), 32<<10)} }

// Print prints text, sooner or later.
func (l *Lines) Print(text string) error {
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

// Object prints a line of JSON.
func (l *Lines) Object(o any) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	return l.Print(string(data) + "\n")
}

// Path prints a path, followed by a NUL as it is, or on a line of its own fit for a terminal.
func (l *Lines) Path(path string, nul bool) error {
	if nul {
		return l.Print(path + "\x00")
	}
	return l.Print(remote.Escape(path) + "\n")
}

func (l *Lines) flush() {
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

// Close prints what waits; nothing is printed after it. Its error counts only where there is no other.
func (l *Lines) Close(err *error) {
	l.flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	if *err == nil {
		*err = l.err
	}
}

// PathText is a path in JSON.
type PathText struct {
	Path string `json:"path"`
	// PathBytes is the path in base64 where it is not UTF-8, which JSON can't hold.
	PathBytes []byte `json:"pathBytes,omitempty"`
}

// NewPathText puts a path into JSON.
func NewPathText(path string) PathText {
	p := PathText{Path: path}
	if !utf8.ValidString(path) {
		p.PathBytes = []byte(path)
	}
	return p
}
