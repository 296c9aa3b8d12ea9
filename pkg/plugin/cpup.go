// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/local"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

func (f *Factory) upload(ctx context.Context, r *room, opts *cpOptions) error {
	l := &left{f: f, top: opts.local}
	bar := f.newProgress(ctx)
	defer bar.stop()
	source := procfs.Source{Mode: 0o644, Mtime: time.Now(), Name: path.Base(opts.path), Write: func(w io.Writer, _ procfs.Rest) error {
		_, err := io.Copy(w, f.Streams.In)
		return err
	}}
	if opts.local == "-" && (strings.HasSuffix(opts.path, "/") || source.Name == "/") {
		return usageError{errors.New("copy stdin: PATH has to name a file")}
	}
	if opts.local != "-" {
		var err error
		source, err = local.Source(opts.local, local.Options{Preserve: opts.preserve, Report: l.add, Progress: bar.add, Follow: opts.follow})
		if err != nil {
			return readError(opts.local, err)
		}
	}
	if bar.live && opts.local != "-" {
		bar.total.Store(local.Size(opts.local))
	}
	found, err := f.how(ctx, opts, bar).Push(ctx, r, r.where(opts.pid, opts.path), source)
	remote := (*fs.PathError)(nil)
	switch {
	case err == nil:
		return l.err(opts)
	case ctx.Err() != nil:
		return err
	case errors.As(err, &remote) && remote.Op == "write" && remote.Path == opts.path:
		return opts.howOn(describeWrite(r, opts, found, remote.Err))
	default:
		return readError(opts.local, err)
	}
}

func readError(name string, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("read %s: %w", procfs.Escape(name), err)
}

// describeWrite says where something could not be written, and what might help.
func describeWrite(r *room, opts *cpOptions, found procfs.Found, cause error) error {
	if errors.Is(cause, procfs.ErrNoProcess) || found.PID == 0 {
		return r.describe(opts.pid, found, &fs.PathError{Op: "write", Path: opts.path, Err: cause})
	}
	err := fmt.Errorf("write %s of process %d (%s) in pod/%s: %w", procfs.Escape(opts.path), found.PID, procfs.Escape(found.Process), r.session.Pod, cause)
	switch {
	case errors.Is(cause, procfs.ErrReadOnly):
		return hint.With(err, "a volume that can be written: grep -w rw /proc/"+fmt.Sprint(found.PID)+"/mountinfo in kubectl shareproc debug "+r.session.Pod)
	case errors.Is(cause, fs.ErrNotExist):
		return hint.With(err, "kubectl shareproc fs "+r.session.Pod+" /, for the directories that are there")
	case errors.Is(cause, procfs.ErrInTheWay):
		return hint.With(err, "another name, or the path of what the link leads to")
	}
	return err
}
