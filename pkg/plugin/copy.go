// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A copySide is an end of a copy that is open.
type copySide struct {
	copyEnd
	tree transfer.Tree
	room *room // nil on this machine
	root *remote.Root
}

func runCP(ctx context.Context, f *Factory, opts *cpOptions) error {
	return f.openEnd(ctx, opts, opts.source, false, func(from copySide) error {
		return f.openEnd(ctx, opts, opts.dest, true, func(to copySide) error { return f.copy(ctx, opts, from, to) })
	})
}

// openEnd opens an end of a copy while do runs.
func (f *Factory) openEnd(ctx context.Context, opts *cpOptions, end copyEnd, write bool, do func(copySide) error) error {
	p := copySide{copyEnd: end}
	switch {
	case end.stream() && write:
		p.tree = transfer.Stdout(newOutput(f.Streams.Out))
	case end.stream():
		p.tree = transfer.Stdin(f.Streams.In)
	case end.pod == "":
		p.path, p.tree = filepath.ToSlash(end.path), transfer.Local()
	default:
		return f.within(end.namespace).use(ctx, end.pod, &opts.helperFlags, session.Wanted{Need: podspec.OpenRoot}, func(r *room) error {
			var err error
			// A connection of its own: both ends may be in one container.
			p.room = r
			// One that breaks at once is dialed again by the copy.
			if p.root, err = remote.Dial(ctx, r, r.where(opts.pid)); err != nil && !transfer.IsBroken(err) {
				return r.pathError(ctx, opts.pid, p.root, &fs.PathError{Op: "open", Path: end.path, Err: err})
			}
			defer func() { _ = p.root.Close() }()
			if p.tree = p.root.Source(); write {
				p.tree = p.root.Destination()
			}
			return do(p)
		})
	}
	return do(p)
}

func (f *Factory) copy(ctx context.Context, opts *cpOptions, from, to copySide) error {
	bar := f.Report.Progress(ctx)
	defer bar.stop()
	attempt := 1
	report, err := transfer.Copy(ctx, to.tree, from.tree, transfer.Options{
		Source: from.path, Dest: to.path, Preserve: opts.preserve, Resume: opts.resume, Follow: opts.follow,
		Progress: bar.add, Total: bar.total.Store,
		Report: func(name string, err error) { f.notCopied(from.path, name, err) },
		Retry: func(err error, _ time.Duration) {
			bar.clear()
			attempt++
			f.Report.Say("the connection broke: %s; going on with what is missing (attempt %d)", breakage(err), attempt)
		},
	})
	failed := (*fs.PathError)(nil)
	switch {
	case err == nil && report.Failed > 0:
		return fmt.Errorf("copy %s: %s not copied; everything else was", from, plural(report.Failed, "file was", "files were"))
	case err == nil, ctx.Err() != nil, errors.As(err, new(outputError)):
		return err
	case !errors.As(err, &failed):
		return err
	case failed.Op == "write":
		return opts.resumeHint(to.writeError(ctx, opts.pid, failed.Err), err)
	default:
		return opts.resumeHint(from.readError(ctx, opts.pid, failed.Err), err)
	}
}

// notCopied names what is left out of a copy.
func (f *Factory) notCopied(top, name string, err error) {
	what := "not copied"
	if errors.Is(err, transfer.ErrOwner) {
		what = "not kept"
	}
	f.Report.Warn("%s: %s: %s", what, remote.Escape(path.Join(top, name)), clean(err.Error()))
}

// breakage is why a connection broke, in few words.
func breakage(err error) string {
	if transfer.IsStalled(err) {
		return remote.ErrStalled.Error()
	}
	return "not all of it arrived"
}

// resumeHint says what to do about a copy that could not go on.
func (o *cpOptions) resumeHint(err, cause error) error {
	switch {
	case !transfer.IsBroken(cause):
		return err
	case o.source.stream(), o.dest.stream():
		return hint.With(err, "a file instead of -, which can be gone on with")
	case o.resume:
		return hint.With(err, "the same command again: it goes on with what is there")
	default:
		return hint.With(err, "the same command with --resume: it keeps what comes, and goes on with it the next time")
	}
}

// String is how a person would write it, fit for a terminal.
func (p copySide) String() string {
	if p.room == nil {
		return remote.Escape(p.path)
	}
	return remote.Escape(p.path) + " of pod/" + p.room.session.Pod
}

// readError says why a source could not be read.
func (p copySide) readError(ctx context.Context, pid int, cause error) error {
	if p.room == nil {
		return fmt.Errorf("read %s: %w", remote.Escape(p.path), cause)
	}
	return p.room.pathError(ctx, pid, p.root, &fs.PathError{Op: "open", Path: p.path, Err: cause})
}

// writeError says why something could not be written, and what might help.
func (p copySide) writeError(ctx context.Context, pid int, cause error) error {
	if p.room == nil {
		err := fmt.Errorf("write %s: %w", remote.Escape(p.path), cause)
		if errors.Is(cause, transfer.ErrNoDirectory) {
			return hint.With(err, "mkdir -p "+path.Dir(p.path))
		}
		return err
	}
	return p.room.writeError(ctx, pid, p.root, p.path, cause)
}

// writeError says where something in a pod could not be written, and what might help.
func (r *room) writeError(ctx context.Context, pid int, root *remote.Root, name string, cause error) error {
	if errors.Is(cause, remote.ErrNoProcess) || root.Process.PID == 0 {
		return r.pathError(ctx, pid, root, &fs.PathError{Op: "write", Path: name, Err: cause})
	}
	err := fmt.Errorf("write %s of process %d (%s) in pod/%s: %w", remote.Escape(name), root.Process.PID, remote.Escape(root.Process.Name), r.session.Pod, cause)
	switch {
	case errors.Is(cause, remote.ErrReadOnly):
		return hint.With(err, fmt.Sprintf("a volume that can be written: grep -w rw /proc/%d/mountinfo in kubectl shareproc debug %s", root.Process.PID, r.session.Pod))
	case errors.Is(cause, fs.ErrNotExist), errors.Is(cause, transfer.ErrNoDirectory):
		return hint.With(err, "kubectl shareproc fs "+r.session.Pod+" /, for the directories that are there")
	case errors.Is(cause, transfer.ErrInTheWay), errors.Is(cause, transfer.ErrDangling), errors.Is(cause, transfer.ErrIsDirectory):
		return hint.With(err, "another name, or the path of what the link leads to")
	}
	return err
}
