// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Exit codes; the code of a remote command passes through unchanged.
const (
	ExitError       = 1
	ExitUsage       = 2
	ExitGrep        = 2 // an error of "fs grep" and "fs diff", whose 1 is no error
	ExitInterrupted = 130
	ExitPipe        = 141 // as after SIGPIPE
)

// CommandExit is an exit that needs no message: the user's command or the output has said why.
type CommandExit struct{ Code int }

func (e CommandExit) Error() string {
	return fmt.Sprintf("command terminated with exit code %d", e.Code)
}

// UsageError is a command line that can't be carried out whatever the cluster says.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// AsUsage marks an error as one of the command line.
func AsUsage(err error) error { return UsageError{err} }

// GrepError is an error of a command whose exit code 1 means something else.
type GrepError struct{ error }

func (e GrepError) Unwrap() error { return e.error }

// AsGrepError marks an error of such a command.
func AsGrepError(err error) error { return GrepError{err} }

// Usage is an error of the command line, with what to type instead.
func Usage(try, format string, args ...any) error {
	return hint.With(UsageError{fmt.Errorf(format, args...)}, try)
}
