// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// where says which file is copied: that of process pid, or of the container's first.
func (r *room) where(pid int, path string) procfs.Where {
	return procfs.Where{PID: pid, Container: r.target.ContainerID(), Alone: !r.session.View.Pod(), Siblings: true, Path: path}
}

// describe is pathError for errors of package procfs, which copies.
func (r *room) describe(pid int, found procfs.Found, err error) error {
	var path *fs.PathError
	_, local := errors.AsType[outputError](err)
	switch {
	case local:
		return err
	case errors.Is(err, procfs.ErrIsDirectory) && errors.As(err, &path):
		return hint.With(fmt.Errorf("read %s of process %d in pod/%s: %w", procfs.Escape(path.Path), found.PID, r.session.Pod, procfs.ErrIsDirectory),
			"kubectl shareproc fs, for what is in it; fs sum -R and fs grep -r, for the files below it")
	case errors.Is(err, procfs.ErrNoProcess) && pid != 0:
		return r.noProcess(pid)
	case errors.Is(err, procfs.ErrNoProcess):
		return hint.With(fmt.Errorf("find a process of container %s in pod/%s: %w", r.target.Container, r.session.Pod, procfs.ErrNoProcess),
			"kubectl shareproc ps "+r.session.Pod)
	case errors.Is(err, procfs.ErrSpecial) && errors.As(err, &path):
		return hint.With(fmt.Errorf("print %s of process %d in pod/%s: it is a %s", procfs.Escape(path.Path), found.PID, r.session.Pod,
			kindOf(found.Info.Mode())), "-o json, for what is known of it")
	case errors.As(err, &path) && found.PID != 0:
		return fmt.Errorf("open %s of process %d (%s) in pod/%s: %w", procfs.Escape(path.Path), found.PID, procfs.Escape(found.Process),
			r.session.Pod, path.Err)
	}
	return err
}
