// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"strings"

	utilexec "k8s.io/client-go/util/exec"
)

// ExitError is the nonzero exit of the remote command. The stream worked.
type ExitError struct {
	// Code is 1 to 255, and 128+N for a command that signal N ended, as the container runtime reports it.
	Code int
}

// Error names the code.
func (e *ExitError) Error() string {
	return fmt.Sprintf("command terminated with exit code %d", e.Code)
}

// ExitCode is for callers that know only an interface.
func (e *ExitError) ExitCode() int { return e.Code }

// describe translates the error of a stream. output reports whether the stream had any output.
func (d *dial) describe(err error, output bool) error {
	var exit utilexec.ExitError
	switch {
	case err == nil && d.reports.Load() && !d.status.Load():
		return fmt.Errorf("%s: %w: it ended before the command did", d.to.what, ErrLost)
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return &ExitError{Code: exit.ExitStatus()}
	case !d.established.Load():
		return d.neverEstablished(err)
	case !d.cut() && !output && strings.HasPrefix(err.Error(), internalError):
		return d.to.endedBy(err.Error())
	default:
		return fmt.Errorf("%s: %w: %w", d.to.what, ErrLost, err)
	}
}

// neverEstablished selects one of the refusals of both protocols. client-go's error has only their text.
func (d *dial) neverEstablished(err error) error {
	if refused := better(d.webSocket, d.spdy); refused != nil {
		return refused
	}
	return d.to.noAnswer(nil, err)
}
