// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"errors"
	"fmt"
	"io/fs"
)

// What a question about a file may end with, beside fs.ErrNotExist, fs.ErrPermission and fs.ErrInvalid. Test with
// errors.Is: they come wrapped, most of them in an *fs.PathError.
var (
	ErrLoop         = errors.New("too many links")
	ErrNotDirectory = errors.New("not a directory")
	ErrIsDirectory  = errors.New("is a directory")
	ErrSpecial      = errors.New("not a regular file: opening it might block or act")
	ErrNameTooLong  = errors.New("name too long")
	ErrChanged      = errors.New("changed while it was read")
	ErrRead         = errors.New("the helper could not read it to its end")
	ErrNoProcess    = errors.New("no such process")
	ErrPattern      = errors.New("not a pattern that the helper's grep takes")
)

// An AccessError says that the helper may not open the root of a process: the kernel wants the same user, the same
// group and no fewer capabilities (or CAP_SYS_PTRACE), and that the process did not change its user.
// errors.Is finds fs.ErrPermission in it.
type AccessError struct {
	PID   int    `json:"pid"`
	Name  string `json:"name"`  // the process's comm
	UID   uint32 `json:"uid"`   // real user
	GID   uint32 `json:"gid"`   // real group
	State string `json:"state"` // "Z" has no root at all
	Tried []int  `json:"tried"` // every process whose root was tried, PID among them
	// Undumpable says that it changed its user without exec: see Process.
	Undumpable bool `json:"undumpable"`
}

// Error names the process, and whom a reader would have to be.
func (e *AccessError) Error() string {
	return fmt.Sprintf("open root of process %d (%s, uid %d, gid %d): %v", e.PID, Escape(e.Name), e.UID, e.GID, fs.ErrPermission)
}

// Unwrap makes it an fs.ErrPermission.
func (e *AccessError) Unwrap() error { return fs.ErrPermission }

// A MissingToolError says that the helper's image lacks a program.
type MissingToolError struct {
	Tool string `json:"tool"`
}

// Error names the tool.
func (e *MissingToolError) Error() string {
	return "find " + e.Tool + " in the helper: no such program"
}

// The codes that the scripts end with. The scripts' text uses the numbers; this is the table.
const (
	codeOK           = 0
	codeLoop         = 40
	codeNotDirectory = 41
	codeIsDirectory  = 42
	codeSpecial      = 43
	codeNotExist     = 44
	codeDenied       = 45
	codeNameTooLong  = 46
	codeChanged      = 47
	codeRead         = 48
	codeNoProcess    = 50
	codeRootDenied   = 51
	codeNoMember     = 52 // no process's cgroup names the container
	codePattern      = 53
	codeToolFirst    = 60 // + index in tools
)

// tools are the programs that the scripts ask for, in the order of their codes.
func tools() []string {
	return []string{"cat", "find", "grep", "head", "od", "readlink", "sort", "stat", "tr", "xargs", "sha256sum", "tail"}
}

// codeError is the error that a script's code stands for, nil for 0.
func codeError(code int) error {
	known := map[int]error{
		codeOK:           nil,
		codeLoop:         ErrLoop,
		codeNotDirectory: ErrNotDirectory,
		codeIsDirectory:  ErrIsDirectory,
		codeSpecial:      ErrSpecial,
		codeNotExist:     fs.ErrNotExist,
		codeDenied:       fs.ErrPermission,
		codeNameTooLong:  ErrNameTooLong,
		codeChanged:      ErrChanged,
		codeRead:         ErrRead,
		codeNoProcess:    ErrNoProcess,
		codeRootDenied:   errRootDenied,
		codeNoMember:     ErrNoProcess,
		codePattern:      ErrPattern,
	}
	if err, ok := known[code]; ok {
		return err
	}
	if err := copyError(code); err != nil {
		return err
	}
	if i := code - codeToolFirst; i >= 0 && i < len(tools()) {
		return &MissingToolError{Tool: tools()[i]}
	}
	return fmt.Errorf("read answer of helper: unknown code %d", code)
}

// errRootDenied stands for codeRootDenied until the process is known that an AccessError names.
var errRootDenied = fmt.Errorf("open root of process: %w", fs.ErrPermission)
