// SPDX-License-Identifier: Apache-2.0

// Package place answers "where are files, and what is there?": a Spot is where, a Place has its files, as the root of a process in a
// pod or as this machine's; an Item is one of them. It draws nothing, and opens no pod.
package place

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A Place has files: a container, or this machine.
type Place interface {
	// List lists a directory; Stamp says when its entries changed.
	List(ctx context.Context, dir string) (Listing, error)
	Stamp(ctx context.Context, dir string) (time.Time, error)
	// Look gives what is known of a file, links followed, and how it begins where it may be opened: a file of the kernel's only if asked.
	Look(ctx context.Context, name string, limit int64, kernel bool) (Head, error)
}

// A Summer is a place that sums up the files of a directory.
type Summer interface {
	// Sums gives them by name, SHA-256; none where there are more bytes than limit.
	Sums(ctx context.Context, dir string, limit int64) (map[string][32]byte, error)
}

// A Head is what a file is, and how it begins.
type Head struct {
	Path   string // physical
	Item   Item
	Begin  []byte
	Opened bool   // Begin is how it begins
	Note   string // why it was not opened
}

// A Host is a place with processes.
type Host interface {
	// Processes lists what runs in the container, and what it has used since the last time.
	Processes(ctx context.Context) ([]inspect.Process, error)
	// Start learns when the container was started.
	Start(ctx context.Context) error
}

// Cut reports whether a connection is lost or could not be made: another one may be, later.
func Cut(err error) bool {
	_, refused := errors.AsType[*attach.ConnectError](err)
	_, network := errors.AsType[*net.OpError](err)
	return refused || network || transfer.IsBroken(err) || errors.Is(err, attach.ErrLost) || errors.Is(err, context.DeadlineExceeded)
}

// NotThere reports whether a directory is gone, so that the one above is shown.
func NotThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, remote.ErrNotDirectory)
}

// Ended reports whether the process or container that a place is of has ended: another one may have taken its place.
func Ended(err error) bool { return errors.Is(err, remote.ErrNoProcess) || lifecycle.Ended(err) }

// Above is the directory of a path.
func Above(name string) string { return path.Dir(name) }

// Topmost reports whether a directory is in no other one: the root, or a drive of Windows.
func Topmost(dir string) bool { return Above(dir) == dir || Above(dir) == "." }
