// SPDX-License-Identifier: Apache-2.0

package place

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A Pod is the root of a process.
type Pod struct {
	*session.Session
	Root  *rootfs.Root
	meter inspect.Meter

	metering sync.Mutex
	mu       sync.Mutex
	started  *files.Start
}

// running lists the processes. It has a session of its own, since several may ask at once and a session learns from each.
func (p *Pod) running(ctx context.Context) ([]session.Process, error) {
	own := *p.Session
	return session.ProcessesOn(ctx, &own, process.On(p.Root.Conn()))
}

// NewPod is the one that a session is in.
func NewPod(s *session.Session, root *rootfs.Root) *Pod {
	return &Pod{Session: s, Root: root, meter: inspect.Meter{Host: process.On(root.Conn())}}
}

// Processes lists those of the container.
func (p *Pod) Processes(ctx context.Context) ([]inspect.Process, error) {
	all, err := p.running(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(q session.Process) bool { return q.Helper || q.Container != p.Target.Container })
	p.metering.Lock()
	defer p.metering.Unlock()
	return p.meter.Read(ctx, all)
}

// Start learns when the container was started.
func (p *Pod) Start(ctx context.Context) error {
	start, err := files.StartOf(ctx, files.Place{Path: "/", Session: p.Session, Root: p.Root})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = &start
	return nil
}

// List lists a directory, or what Deleted has.
func (p *Pod) List(ctx context.Context, dir string) (Listing, error) {
	if dir == Deleted {
		return p.deleted(ctx)
	}
	info, entries, err := p.Root.ReadDir(ctx, dir)
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Path: info.Path, Stamp: info.Changed(), Items: make([]Item, 0, len(entries))}
	p.mu.Lock()
	start := p.started
	p.mu.Unlock()
	for _, e := range entries {
		it, at := newItem(e.Name(), e.Stat()), path.Join(info.Path, e.Name())
		it.Kernel = p.Root.Kernel(at)
		if s := e.Stat(); s != nil && start != nil && onRoot(start, at) {
			it.Change, _ = start.Changes.Of(at, e.IsDir(), s.Mtime, s.Changed())
		}
		l.Items = append(l.Items, it)
	}
	return l, nil
}

// onRoot reports whether a file is in the container's own layer: on a volume, times say nothing about the container.
func onRoot(start *files.Start, name string) bool {
	on, known := proc.MountOf(start.Mounts, name)
	return known && on.Point == "/"
}

// Stamp says when the entries of a directory changed.
func (p *Pod) Stamp(ctx context.Context, dir string) (time.Time, error) {
	if dir == Deleted {
		return time.Time{}, nil
	}
	info, err := p.Root.Stat(ctx, dir, true)
	if err != nil {
		return time.Time{}, err
	}
	return info.Changed(), nil
}

// Look gives what is known of a file, and how it begins.
func (p *Pod) Look(ctx context.Context, name string, limit int64, kernel bool) (Head, error) {
	info, err := p.Root.Stat(ctx, name, true)
	if err != nil {
		return Head{}, err
	}
	s := Head{Path: info.Path, Item: newItem(path.Base(info.Path), info.Stat)}
	s.Item.Kernel = p.Root.Kernel(info.Path)
	var b headBuffer
	switch b.limit = int(limit); {
	case info.FileMode().IsDir():
		return s, nil
	case !info.FileMode().IsRegular():
		s.Note = "not opened: it is a " + files.KindOf(info.FileMode())
		return s, nil
	case s.Item.Kernel && !kernel:
		s.Note = "a file of the kernel's: v opens it"
		return s, nil
	case s.Item.Kernel:
		_, err = p.Root.Read(ctx, info.Path, func(rootfs.Info) (io.Writer, error) { return &b, nil })
	default:
		err = p.Root.ReadRange(ctx, info, 0, limit, &b)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	s.Begin, s.Opened = b.text, err == nil
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

// Sums sums up the files of a directory, in the helper. Of one that has more bytes than the limit there are none.
func (p *Pod) Sums(ctx context.Context, dir string, limit int64) (map[string][32]byte, error) {
	l, err := p.List(ctx, dir)
	if err != nil || p.Root.Kernel(l.Path) {
		return nil, err
	}
	for _, it := range l.Items {
		if it.Mode.IsRegular() {
			limit -= it.Size
		}
	}
	if limit < 0 {
		return nil, nil
	}
	found := map[string][32]byte{}
	options := rootfs.SumOptions{Recursive: true, TreeOptions: rootfs.TreeOptions{MaxDepth: 1, OneFileSystem: true}}
	_, err = rootfs.Sum(ctx, p.Root, dir, options, func(name string, sum [32]byte) error {
		found[path.Base(name)] = sum
		return nil
	})
	return found, err
}
