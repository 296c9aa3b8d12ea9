// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A place has files: a container, or this machine.
type place interface {
	// list lists a directory; stamp says when its entries changed.
	list(ctx context.Context, dir string) (listing, error)
	stamp(ctx context.Context, dir string) (time.Time, error)
	// look gives what is known of a file, links followed, and how it begins where it may be opened: a file of the kernel's only if asked.
	look(ctx context.Context, name string, limit int64, kernel bool) (fileHead, error)
}

// A fileHead is what a file is, and how it begins.
type fileHead struct {
	path   string // physical
	item   item
	begin  []byte
	opened bool   // begin is how it begins
	note   string // why it was not opened
}

// A host is a place with processes.
type host interface {
	// processes lists what runs in the container, and what it has used since the last time.
	processes(ctx context.Context) ([]process, error)
	// start learns when the container was started.
	start(ctx context.Context) error
}

// A pod is the root of a process.
type pod struct {
	*session.Session
	root  *remote.Root
	meter inspect.Meter

	metering sync.Mutex
	mu       sync.Mutex
	started  *files.Start
}

// running lists the processes. It has a session of its own, since several may ask at once and a session learns from each.
func (p *pod) running(ctx context.Context) ([]session.Process, error) {
	own := *p.Session
	return session.ProcessesOn(ctx, &own, remote.On(p.root.Conn()))
}

func newPod(s *session.Session, root *remote.Root) *pod {
	return &pod{Session: s, root: root, meter: inspect.Meter{Host: remote.On(root.Conn())}}
}

func (p *pod) processes(ctx context.Context) ([]process, error) {
	all, err := p.running(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(q session.Process) bool { return q.Helper || q.Container != p.Target.Container })
	p.metering.Lock()
	defer p.metering.Unlock()
	return p.meter.Read(ctx, all)
}

// start learns when the container was started.
func (p *pod) start(ctx context.Context) error {
	start, err := files.StartOf(ctx, files.Place{Path: "/", Session: p.Session, Root: p.root})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = &start
	return nil
}

func (p *pod) list(ctx context.Context, dir string) (listing, error) {
	if dir == deletedDir {
		return p.deleted(ctx)
	}
	info, entries, err := p.root.ReadDir(ctx, dir)
	if err != nil {
		return listing{}, err
	}
	l := listing{path: info.Path, stamp: info.Changed(), items: make([]item, 0, len(entries))}
	p.mu.Lock()
	start := p.started
	p.mu.Unlock()
	for _, e := range entries {
		it, at := newItem(e), path.Join(info.Path, e.Name())
		it.kernel = p.root.Kernel(at)
		if s := e.Stat(); s != nil && start != nil && onRoot(start, at) {
			it.change, _ = start.Changes.Of(at, e.IsDir(), s.Mtime, s.Changed())
		}
		l.items = append(l.items, it)
	}
	return l, nil
}

// onRoot reports whether a file is in the container's own layer: on a volume, times say nothing about the container.
func onRoot(start *files.Start, name string) bool {
	on, known := proc.MountOf(start.Mounts, name)
	return known && on.Point == "/"
}

func (p *pod) stamp(ctx context.Context, dir string) (time.Time, error) {
	if dir == deletedDir {
		return time.Time{}, nil
	}
	info, err := p.root.Stat(ctx, dir, true)
	if err != nil {
		return time.Time{}, err
	}
	return info.Changed(), nil
}

func (p *pod) look(ctx context.Context, name string, limit int64, kernel bool) (fileHead, error) {
	info, err := p.root.Stat(ctx, name, true)
	if err != nil {
		return fileHead{}, err
	}
	s := fileHead{path: info.Path, item: named(path.Base(info.Path))}
	s.item.mode, s.item.perm, s.item.size, s.item.blocks, s.item.time, s.item.links = info.FileMode(), info.Mode, info.Size, info.Blocks, info.Mtime, info.Nlink
	s.item.user, s.item.group = files.Owner(info.User, info.UID), files.Owner(info.Group, info.GID)
	s.item.kernel = p.root.Kernel(info.Path)
	var b headBuffer
	switch b.limit = int(limit); {
	case info.FileMode().IsDir():
		return s, nil
	case !info.FileMode().IsRegular():
		s.note = "not opened: it is a " + files.KindOf(info.FileMode())
		return s, nil
	case s.item.kernel && !kernel:
		s.note = "a file of the kernel's: v opens it"
		return s, nil
	case s.item.kernel:
		_, err = p.root.Read(ctx, info.Path, func(remote.Info) (io.Writer, error) { return &b, nil })
	default:
		err = p.root.ReadRange(ctx, info, 0, limit, &b)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	s.begin, s.opened = b.text, err == nil
	return s, err
}

// errEnough ends the reading of a file whose size says nothing.
var errEnough = errors.New("enough")

// A headBuffer holds how a file begins.
type headBuffer struct {
	text  []byte
	limit int
}

func (b *headBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.limit-len(b.text))
	b.text = append(b.text, p[:n]...)
	if n < len(p) {
		return n, errEnough
	}
	return n, nil
}

// cut reports whether a connection is lost or could not be made: another one may be, later.
func cut(err error) bool {
	_, refused := errors.AsType[*attach.ConnectError](err)
	_, network := errors.AsType[*net.OpError](err)
	return refused || network || transfer.IsBroken(err) || errors.Is(err, attach.ErrLost) || errors.Is(err, context.DeadlineExceeded)
}

// notThere reports whether a directory is gone, so that the one above is shown.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, remote.ErrNotDirectory)
}

// ended reports whether the process or container that a place is of has ended: another one may have taken its place.
func ended(err error) bool { return errors.Is(err, remote.ErrNoProcess) || session.Ended(err) }
