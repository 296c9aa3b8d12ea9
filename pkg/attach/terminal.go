// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/moby/term"
	"k8s.io/client-go/tools/remotecommand"
)

// ErrNotTerminal is returned by Shell if the input is not a terminal, or not in the foreground.
var ErrNotTerminal = errors.New("input is not a terminal")

// Terminal is the user's terminal, or the streams that replace it. One Terminal must own the process's standard input: where
// the system does not allow to interrupt a read, it reads ahead and keeps the input for the next session.
type Terminal struct {
	in          io.Reader
	out, errOut io.Writer
	inFD, outFD uintptr
	inTTY       bool
	background  bool // the input is a terminal whose keys go to other processes
	outTTY      bool
	errTTY      bool

	pumpOnce sync.Once
	pump     *pump
}

// NewTerminal wraps the standard streams, which main takes from term.StdStreams: on Windows they differ from os's. It reads
// and changes nothing. Files become blocking, and deadlines no longer work on them.
func NewTerminal(in io.Reader, out, errOut io.Writer) *Terminal {
	t := &Terminal{in: in, out: out, errOut: errOut}
	t.inFD, t.inTTY = term.GetFdInfo(in)
	t.background = t.inTTY && !foreground(t.inFD)
	t.outFD, t.outTTY = term.GetFdInfo(out)
	_, t.errTTY = term.GetFdInfo(errOut)
	return t
}

// InputIsTerminal reports whether a user can type to this process. In the background ("&", "timeout" in a script) the keys
// belong to other processes, and reading them stops this one.
func (t *Terminal) InputIsTerminal() bool { return t.inTTY && !t.background }

// InBackground reports whether the input is a terminal whose keys go to other processes.
func (t *Terminal) InBackground() bool { return t.background }

// Input is the input of a command without a terminal, or nil: in the background, and under nohup, whose replacement for a
// terminal is write-only.
func (t *Terminal) Input() io.Reader {
	if file, ok := t.in.(*os.File); t.background || ok && !readable(file) {
		return nil
	}
	return t.in
}

// OutputIsTerminal reports whether the output is a terminal, and not a file or a pipe.
func (t *Terminal) OutputIsTerminal() bool { return t.outTTY }

// display is the output that is a terminal, or nil. With "| tee log" it is the standard error.
func (t *Terminal) display() io.Writer {
	switch {
	case t.outTTY:
		return t.out
	case t.errTTY:
		return t.errOut
	default:
		return nil
	}
}

// Size returns the terminal's columns and rows. ok is false without a terminal, or if it does not know its size.
func (t *Terminal) Size() (columns, rows int, ok bool) {
	fd := t.outFD
	if !t.outTTY {
		if !t.inTTY {
			return 0, 0, false
		}
		fd = t.inFD
	}
	size, err := term.GetWinsize(fd)
	if err != nil || size.Width == 0 || size.Height == 0 {
		return 0, 0, false
	}
	return int(size.Width), int(size.Height), true
}

// remoteSize is Size in client-go's form.
func (t *Terminal) remoteSize() (remotecommand.TerminalSize, bool) {
	columns, rows, ok := t.Size()
	return remotecommand.TerminalSize{Width: uint16(columns), Height: uint16(rows)}, ok //nolint:gosec // came from uint16
}

// rawMode makes a terminal raw and restores it.
type rawMode struct {
	fd    uintptr
	saved *term.State // nil until the terminal was raw
	once  sync.Once
}

// raw makes the terminal raw; in the background, once the process continues in the foreground. It does not use moby/term's
// SetRawTerminal, which on Windows installs a handler that exits the process.
func (t *Terminal) raw() (*rawMode, error) {
	r := &rawMode{fd: t.inFD}
	if err := r.resume(); err != nil {
		return nil, fmt.Errorf("set terminal raw: %w", err)
	}
	return r, nil
}

// resume makes the terminal raw. It keeps the first saved state: after SIGSTOP the terminal may still be raw.
func (r *rawMode) resume() error {
	if !foreground(r.fd) {
		return nil
	}
	state, err := term.MakeRaw(r.fd)
	if r.saved == nil {
		r.saved = state
	}
	return err
}

// restore restores the terminal, once. Errors do not matter: a terminal that is gone needs no restoring.
func (r *rawMode) restore() {
	r.once.Do(r.pause)
}

// pause restores the terminal before the process stops. In the background it does not: the terminal is in the state that the
// foreground wants.
func (r *rawMode) pause() {
	if r.saved != nil && foreground(r.fd) {
		withoutStop(func() { _ = term.RestoreTerminal(r.fd, r.saved) })
	}
}

// restoreOnPanic is deferred in the terminal's own goroutines, where a panic ends the process without running the caller's
// deferred functions.
func (s *terminalSession) restoreOnPanic() {
	if value := recover(); value != nil {
		s.raw.restore()
		panic(value)
	}
}
