// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"fmt"
	"io/fs"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
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

// Error names the process and its user.
func (e *AccessError) Error() string {
	return fmt.Sprintf("open root of process %d (%s, uid %d, gid %d): %v", e.PID, remote.Escape(e.Name), e.UID, e.GID, fs.ErrPermission)
}

// Unwrap makes it an fs.ErrPermission.
func (e *AccessError) Unwrap() error { return fs.ErrPermission }

// A TreeError says what of a tree could not be read. All the rest was.
type TreeError struct {
	// Failures are the first ones, each an *fs.PathError with a path from the process's root.
	Failures []error
	// Count is the number of all of them.
	Count int

	stuck int // how often nothing was read for the whole of patience
}

// failuresKept bounds what a TreeError holds.
const failuresKept = 100

// Error names the first failure.
func (e *TreeError) Error() string {
	text := e.Failures[0].Error()
	if e.Count > 1 {
		text += fmt.Sprintf(", and %d more", e.Count-1)
	}
	return text
}

// Unwrap lets errors.Is find what the failures are.
func (e *TreeError) Unwrap() []error { return e.Failures }

func (e *TreeError) add(op, path string, err error) {
	e.Count++
	if len(e.Failures) < failuresKept {
		e.Failures = append(e.Failures, &fs.PathError{Op: op, Path: path, Err: err})
	}
}
