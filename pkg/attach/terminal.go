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

// ErrNotTerminal is returned by Shell when the input is not a terminal: such input is for Run.
var ErrNotTerminal = errors.New("input is not a terminal")

// Terminal is the user's terminal, or what stands in its place. One Terminal must own the process's standard input: it
// reads ahead of the session only where the system leaves no choice, and then keeps what it read for the next session.
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

// NewTerminal wraps the standard streams; main takes them from term.StdStreams, which on Windows are not the os package's.
// Nothing is read or changed before a Shell. Asking a file for its descriptor makes it blocking: deadlines no longer work on it.
func NewTerminal(in io.Reader, out, errOut io.Writer) *Terminal {
	t := &Terminal{in: in, out: out, errOut: errOut}
	t.inFD, t.inTTY = term.GetFdInfo(in)
	t.background = t.inTTY && !foreground(t.inFD)
	t.outFD, t.outTTY = term.GetFdInfo(out)
	_, t.errTTY = term.GetFdInfo(errOut)
	return t
}

// InputIsTerminal says whether keys are typed at it for this process. In the background ("&", "timeout" in a script) they are
// somebody else's, and whoever asks for them is stopped.
func (t *Terminal) InputIsTerminal() bool { return t.inTTY && !t.background }

// InBackground says that there is a terminal whose keys go to other processes.
func (t *Terminal) InBackground() bool { return t.background }

// Input is what a command without a terminal may read, or nil: nothing in the background, and nothing from what nohup opens
// in the place of a terminal, which can only be written to.
func (t *Terminal) Input() io.Reader {
	if file, ok := t.in.(*os.File); t.background || ok && !readable(file) {
		return nil
	}
	return t.in
}

// OutputIsTerminal says whether somebody looks at the output, as opposed to a file or a pipe.
func (t *Terminal) OutputIsTerminal() bool { return t.outTTY }

// display is the output that is a terminal, or nil: with "| tee log" that is the standard error.
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

// Size gives the terminal's columns and rows; ok is false where there is no terminal, or one that does not know.
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

// remoteSize is Size in the form in which it is sent.
func (t *Terminal) remoteSize() (remotecommand.TerminalSize, bool) {
	columns, rows, ok := t.Size()
	return remotecommand.TerminalSize{Width: uint16(columns), Height: uint16(rows)}, ok //nolint:gosec // came from uint16
}

// rawMode is a terminal in raw mode, and the way back.
type rawMode struct {
	fd    uintptr
	saved *term.State // nil before it was in raw mode
	once  sync.Once
}

// raw puts the input into raw mode. moby/term's SetRawTerminal is not used: on Windows it installs a handler that exits
// the process. A process that was moved to the background meanwhile comes to it when it is continued in the foreground.
func (t *Terminal) raw() (*rawMode, error) {
	r := &rawMode{fd: t.inFD}
	if err := r.resume(); err != nil {
		return nil, fmt.Errorf("set terminal raw: %w", err)
	}
	return r, nil
}

// resume makes the terminal raw. What was saved first stays: a process stopped by SIGSTOP finds the terminal raw.
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

// restore puts the terminal back as raw found it, once. A terminal that is gone needs nothing put back.
func (r *rawMode) restore() {
	r.once.Do(r.pause)
}

// pause puts the terminal back for as long as the process is stopped. In the background the terminal is as those in the
// foreground want it.
func (r *rawMode) pause() {
	if r.saved != nil && foreground(r.fd) {
		withoutStop(func() { _ = term.RestoreTerminal(r.fd, r.saved) })
	}
}

// restoreOnPanic is deferred in the terminal's own goroutines: where nobody hears of a panic there, it ends the process past
// every other defer.
func (s *sitting) restoreOnPanic() {
	if value := recover(); value != nil {
		s.raw.restore()
		panic(value)
	}
}
