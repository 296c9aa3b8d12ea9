// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// What a question about a file may end with, beside fs.ErrNotExist, fs.ErrPermission and fs.ErrInvalid. Test with
// errors.Is: they come wrapped, most of them in an *fs.PathError.
var (
	ErrLoop         = errors.New("too many links")
	ErrNotDirectory = errors.New("not a directory")
	ErrIsDirectory  = errors.New("is a directory")
	ErrSpecial      = errors.New("not a regular file")
	ErrNameTooLong  = errors.New("name too long")
	ErrChanged      = errors.New("changed while it was read")
	ErrRead         = errors.New("read error in the container")
	ErrNoProcess    = errors.New("no such process")
	ErrLongLine     = errors.New("has a line that is too long to search")
	ErrPattern      = errors.New("invalid pattern")
	ErrReadOnly     = errors.New("read-only file system")
	ErrWrite        = errors.New("write failed")
	ErrInTheWay     = errors.New("destination exists and is of another kind, or a link")
	ErrOwner        = errors.New("cannot change owner: operation not permitted")
	ErrImmutable    = errors.New("is immutable (chattr +i)")
	ErrFull         = errors.New("no space left on device")
	ErrNotOurs      = errors.New("the staging directory belongs to another user")
	ErrClosedMount  = errors.New("is a mount that cannot be opened: its server is gone or denies access")
	ErrMounted      = errors.New("is a mount point: it can be written, but not replaced")
	// ErrStuck says that the helper waits for a file: it answers, and reads nothing.
	ErrStuck = errors.New("blocked: the helper waited and nothing was read")
	// ErrStalled says that a connection was given up because nothing came through it any more.
	ErrStalled = errors.New("connection stalled")
)

// ErrGrew is an ErrChanged of a file that only became longer: all that it had was read.
var ErrGrew = fmt.Errorf("it grew: %w", ErrChanged)

// What stands against a file that would be replaced; it may be possible to write into it all the same. They are an fs.ErrPermission.
var (
	ErrDirectoryClosed = fmt.Errorf("the directory is not writable: %w", fs.ErrPermission)
	ErrSticky          = fmt.Errorf("the directory has the sticky bit, and the file belongs to another user: %w", fs.ErrPermission)
)

// A MissingToolError says that the helper's image lacks a program.
type MissingToolError struct {
	Tool string `json:"tool"`
}

// Error names the tool.
func (e *MissingToolError) Error() string {
	return e.Tool + " not found in the helper"
}

// A BrokenError is an answer that did not reach its mark: the connection broke, and the next request makes another one.
type BrokenError struct {
	Cause  error // what the Runner returned, if anything
	Stderr string
}

// Error gives the cause, and what the helper's shell said. A connection that was refused has no answer that could be cut short.
func (e *BrokenError) Error() string {
	if !e.Broken() {
		return e.Cause.Error()
	}
	text := "read answer of helper: cut short"
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	if e.Stderr != "" {
		text += ": " + Escape(e.Stderr)
	}
	return text
}

// IsBroken reports whether a connection broke.
func IsBroken(err error) bool {
	_, broken := errors.AsType[*BrokenError](err)
	return broken
}

// Unwrap makes it an io.ErrUnexpectedEOF.
func (e *BrokenError) Unwrap() []error {
	if e.Cause == nil {
		return []error{io.ErrUnexpectedEOF}
	}
	return []error{io.ErrUnexpectedEOF, e.Cause}
}

// Broken reports that the same request may succeed over another connection. A Runner whose error has a method Refused says that
// there is none.
func (e *BrokenError) Broken() bool {
	var r interface{ Refused() bool }
	return !errors.As(e.Cause, &r) || !r.Refused()
}

// Stalled reports that the connection cost the whole of Silence.
func (e *BrokenError) Stalled() bool { return errors.Is(e.Cause, ErrStalled) }

// ErrRootDenied says that a process denied its root: which one, an AccessError names.
var ErrRootDenied = fmt.Errorf("open root of process: %w", fs.ErrPermission)

// CodeError is the error that a code of the program stands for, nil for 0.
func CodeError(code int) error {
	known := map[int]error{
		0:                nil,
		codeLoop:         ErrLoop,
		codeNotDirectory: ErrNotDirectory,
		codeIsDirectory:  ErrIsDirectory,
		codeSpecial:      ErrSpecial,
		codeGone:         fs.ErrNotExist,
		codeDenied:       fs.ErrPermission,
		codeNameTooLong:  ErrNameTooLong,
		codeChanged:      ErrChanged,
		codeReadFailed:   ErrRead,
		codeNoProcess:    ErrNoProcess,
		codeRootDenied:   ErrRootDenied,
		codeNoMember:     ErrNoProcess,
		codePattern:      ErrPattern,
		codeWriteFailed:  ErrWrite,
		codeCut:          &BrokenError{},
		codeInTheWay:     ErrInTheWay,
		codeOwner:        ErrOwner,
		codeFull:         ErrFull,
		codeNotOurs:      ErrNotOurs,
		codeExists:       fs.ErrExist,

		codeDirectoryClosed: ErrDirectoryClosed,
		codeSticky:          ErrSticky,
		codeImmutable:       ErrImmutable,
	}
	if err, ok := known[code]; ok {
		return err
	}
	return fmt.Errorf("read answer of helper: unknown code %d", code)
}
