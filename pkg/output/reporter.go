// SPDX-License-Identifier: Apache-2.0

package output

import (
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Reporter writes what the user sees: data to Out, and to ErrOut what is being done and what could not be done.
type Reporter struct {
	*genericiooptions.IOStreams
	// Quiet leaves out what is being done.
	Quiet bool
	Color colorMode
	// Bar counts what is copied for somebody who shows it; nil for a line on ErrOut.
	Bar *Progress

	live liveLine
}

// Narration is where lines go that Quiet leaves out.
func (r *Reporter) Narration() io.Writer {
	if r.Quiet {
		return io.Discard
	}
	return r.ErrOut
}

// Warn prints a line that must be seen, whatever Quiet says.
func (r *Reporter) Warn(format string, args ...any) {
	r.line(r.ErrOut, format, args)
}

// Say prints a line about what is being done.
func (r *Reporter) Say(format string, args ...any) {
	r.line(r.Narration(), format, args)
}

// line escapes the text: what a cluster or a target says may hold control characters.
func (r *Reporter) line(w io.Writer, format string, args []any) {
	r.live.mu.Lock()
	defer r.live.mu.Unlock()
	r.clearLive()
	fmt.Fprintln(w, EscapeLines(fmt.Sprintf(format, args...)))
}
