// SPDX-License-Identifier: Apache-2.0

// Package hint is shared by all packages: an error that also knows what the user can do next.
// It prints nothing and decides nothing; pkg/plugin prints the advice on a line of its own.
package hint

import "errors"

// Error is an error with advice. The advice is never part of the message, so that a caller that
// wraps the error does not bury it in the middle of a sentence.
type Error struct {
	Err error
	Try string
}

// With adds advice to err. A nil err stays nil.
func With(err error, try string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Try: try}
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Of returns the outermost advice found in err, or "".
func Of(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Try
	}
	return ""
}
