// SPDX-License-Identifier: Apache-2.0

// Package rootfs answers "what is in the files of a process?": it finds a process, holds its root, and has requests about its files
// answered. It never opens what may block or act when opened (FIFOs, sockets, devices), and writes nothing. Links resolve inside
// the root, absolute ones too.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	pathpkg "path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Where selects the process whose root is opened.
type Where struct {
	// PID is the process. 0 means the first one of Container: the one that started first, and where that denies its root the
	// next one that does not, since all processes of a container have the same root.
	PID int
	// Container is the hexadecimal part of a containerID, looked for in the cgroups when PID is 0. "" means PID 1.
	Container string
	// Scope names the container over its restarts, without blanks. What a copy has left in it that cannot run any more is taken away by
	// the next one; "" takes nothing away.
	Scope string
	// Alone says that the helper sees one container's processes only, so that PID 1 is the first one even where no
	// cgroup names the container (private cgroup namespaces may hide the name).
	Alone bool
	// Siblings lets a process of the same container stand in when the one of PID denies its root.
	Siblings bool
}

// A Root is the file system of a process, over one connection. Paths may have a leading slash or not; they are not cleaned:
// "..", links and a trailing slash mean what the kernel takes them for.
//
// Errors are *fs.PathError: fs.ErrNotExist, fs.ErrPermission, and of remote ErrLoop, ErrNotDirectory, ErrNameTooLong, ErrNoProcess,
// ErrChanged, ErrRead, a *BrokenError (the answer was cut short) or a *MissingToolError.
type Root struct {
	Opened
	// Where is how its process was selected.
	Where Where

	conn    *remote.Conn
	state   remote.State // that the connection is in while the program holds this root
	claims  []*Claim
	claimed *remote.Link // the connection on which they were made
}

// A Claim is made over each later connection, before anything else is asked there: what this client has there was another one's.
type Claim func(ctx context.Context, l *remote.Link) error

// Dial connects, and opens the root of a process. The connection lives as long as ctx and until Close.
//
// The error is an *AccessError where the process denied its root, ErrNoProcess where there is none. The Root comes with it
// as far as the process is known.
func Dial(ctx context.Context, r remote.Runner, w Where) (*Root, error) {
	c := remote.Connect(ctx, r)
	root, err := RootOf(ctx, c, w)
	if err != nil {
		_ = c.Close() // what it had to say it has said
	}
	return root, err
}

// RootOf opens the root of a process over a connection that several may share: the program holds the root of whoever asks. Closing
// one closes it for all. The errors are those of Dial, and leave the connection as it was.
func RootOf(ctx context.Context, c *remote.Conn, w Where) (*Root, error) {
	root := &Root{Where: w, conn: c}
	root.state.Enter = root.open
	return root, c.Enter(ctx, &root.state)
}

// Conn is the connection, for other questions.
func (r *Root) Conn() *remote.Conn { return r.conn }

// Close ends the connection, or gives back one that was lent.
func (r *Root) Close() error { return r.conn.Close() }

// open chooses the process over a new connection; over a later one it has to be the same process.
func (r *Root) open(ctx context.Context, l *remote.Link) (usable bool, err error) {
	w, before := r.Where, r.Process
	if before.PID != 0 {
		w = Where{PID: before.PID}
	}
	options := ""
	if w.Alone {
		options += "alone,"
	}
	if w.Siblings {
		options += "siblings"
	}
	usable, err = ask(ctx, r, l, w, options)
	if err == nil && w.PID == 0 && r.Partial {
		// Another process of the container may have all of it; if none has, the first one it is.
		if _, other := ask(ctx, r, l, w, options+",whole"); other != nil {
			usable, err = ask(ctx, r, l, w, options)
		}
	}
	if err = openError(r, w, before, err); err != nil || r.claimed == l {
		return usable, err
	}
	r.claimed = l
	for _, c := range r.claims {
		if err := (*c)(ctx, l); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Reclaim adds a claim, until release is called.
func (r *Root) Reclaim(c Claim) (release func()) {
	r.claims = append(r.claims, &c)
	return func() { r.claims = slices.DeleteFunc(r.claims, func(other *Claim) bool { return other == &c }) }
}

// openError says what an error of verb_open means, and whether it is the same process as before.
func openError(r *Root, w Where, before process.Process, err error) error {
	switch {
	case errors.Is(err, remote.ErrRootDenied):
		return r.accessError()
	case errors.Is(err, remote.ErrNoProcess) && before.PID != 0, err == nil && before.PID != 0 && before.StartTicks != r.Process.StartTicks:
		r.Process = before
		return fmt.Errorf("process %d has exited: %w", before.PID, remote.ErrNoProcess)
	case errors.Is(err, remote.ErrNoProcess) && w.PID != 0:
		return fmt.Errorf("process %d: %w", w.PID, remote.ErrNoProcess)
	case errors.Is(err, remote.ErrNoProcess) && w.Container != "":
		return fmt.Errorf("container %s: %w", w.Container, remote.ErrNoProcess)
	}
	return err
}

// ask asks for a process, and what there is to know of it.
func ask(ctx context.Context, r *Root, l *remote.Link, w Where, options string) (usable bool, err error) {
	q := remote.Request{Verb: "open", Args: []string{r.conn.Proc, strconv.Itoa(w.PID), w.Container, options}}
	return l.Ask(ctx, q, r.read)
}

// Absolute makes a path absolute: a relative one starts where the process works.
func (r *Root) Absolute(ctx context.Context, name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "/") {
		return name, nil
	}
	var directory string
	err := r.Ask(ctx, "open", name, remote.Request{Verb: "cwd", Reads: true}, func(b *remote.Answer) error { return b.Fields(&directory) })
	return strings.TrimSuffix(directory, "/") + "/" + name, err
}

// Ask makes a request about a path, whose error names the path.
func (r *Root) Ask(ctx context.Context, op, path string, q remote.Request, read func(*remote.Answer) error) error {
	if err := remote.CheckPath(op, path); err != nil {
		return err
	}
	var own error
	q.State = &r.state
	err := r.conn.Ask(ctx, q, func(b *remote.Answer) error {
		err := read(b)
		own = CallerError(err)
		return err
	})
	switch {
	case own != nil:
		return own
	case err == nil, ctx.Err() != nil && err == context.Cause(ctx): //nolint:errorlint // as it was given
		return err
	case errors.Is(err, fs.ErrNotExist) && closedMount(ctx, r, q.Verb, path):
		err = remote.ErrClosedMount
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// closedMount reports whether a path is not found because a mount on the way is there and does not open.
func closedMount(ctx context.Context, r *Root, verb, name string) bool {
	name = pathpkg.Join("/", name)
	point := r.Mounts.Of(name).Point
	if point == "" || point == "/" || point == name && verb == "stat" {
		return point == name && point != "/"
	}
	_, err := StatBy(ctx, r, point, "0")
	return errors.Is(err, remote.ErrClosedMount)
}

// A callback is an error of the caller's own function, which is returned as it is.
type callback struct{ error }

// CallerError is the error that Called has marked; nil where there is none.
func CallerError(err error) error {
	var c callback
	if errors.As(err, &c) {
		return c.error
	}
	return nil
}

// Called marks an error of the caller's own function, for who reads an answer.
func Called(err error) error {
	if err == nil {
		return nil
	}
	return callback{err}
}
