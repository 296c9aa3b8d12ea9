// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// begin makes the paths absolute, and says whose root they are in where that is not the container's.
func begin(ctx context.Context, deps *cli.Deps, a *Args, r *session.Session, root *rootfs.Root) error {
	SayPartial(deps, r, root)
	for i, name := range a.paths {
		absolute, err := root.Absolute(ctx, strings.TrimPrefix(name, "./"))
		if err != nil {
			return err
		}
		a.paths[i] = absolute
	}
	return nil
}

// SayPartial says that a process has changed its root.
func SayPartial(deps *cli.Deps, r *session.Session, root *rootfs.Root) {
	if root.Partial {
		deps.Report.Say("process %d (%s) in pod/%s has changed its root: only the files below it are visible, not all of the container",
			root.Process.PID, root.Process.Name, r.Pod)
	}
}

// specialError says what a file is that is not opened. A log is often a link to the container's output.
func specialError(ctx context.Context, r *session.Session, root *rootfs.Root, name string) error {
	kind, try := "file of unknown type", "use fs stat to see its metadata"
	if info, err := root.Stat(ctx, name, true); err == nil {
		kind = KindOf(info.FileMode())
		if process, number := path.Split(info.Path); strings.HasSuffix(process, "/fd/") && (number == "1" || number == "2") {
			kind += ", the container's output"
			try = fmt.Sprintf("kubectl logs %s -c %s -n %s", r.Pod, r.Target.Container, r.Namespace)
		}
	}
	return hint.With(fmt.Errorf("read %s of process %d in pod/%s: it is a %s", remote.Escape(name), root.Process.PID, r.Pod, kind), try)
}

// openError is about a path of the process.
func openError(r *session.Session, process process.Process, err *fs.PathError) error {
	failed := fmt.Errorf("open %s of process %d (%s) in pod/%s: %w", remote.Escape(err.Path), process.PID, remote.Escape(process.Name), r.Pod, err.Err)
	if !errors.Is(err, fs.ErrNotExist) {
		return failed
	}
	there := path.Dir(err.Path)
	if !cli.Pastable(there) {
		there = "/"
	}
	return hint.With(failed, cmp.Or(unexpanded(r.Pod, err.Path), fmt.Sprintf("kubectl shareproc fs %s %d %s   # shows what is there", r.Pod, process.PID, there)))
}

// unexpanded is advice about a path that is not there and has what a shell would have expanded.
func unexpanded(pod, name string) string {
	directory := name
	for strings.ContainsAny(directory, "*?[") {
		directory = path.Dir(directory)
	}
	switch {
	case directory != name:
		return fmt.Sprintf("patterns are not expanded in the container; use kubectl shareproc fs find %s %s --name PATTERN", pod, remote.Escape(directory))
	case strings.HasPrefix(path.Base(name), "~"), strings.Contains(name, "/~"):
		return "use the full path: ~ is not expanded in the container"
	}
	return ""
}

// obstacle is why a file cannot be replaced, as far as its facts say, and advice where it can be written all the same.
func obstacle(ctx context.Context, r *session.Session, root *rootfs.Root, name string, cause error) (inPlace string, err error) {
	if !errors.Is(cause, fs.ErrPermission) && !errors.Is(cause, remote.ErrMounted) {
		return "", cause
	}
	info, err := root.Stat(ctx, name, true)
	if err != nil || !info.FileMode().IsRegular() {
		return "", cause
	}
	if known := root.Replaceable(info); known != nil && !errors.Is(cause, remote.ErrSticky) {
		cause = known
	}
	if !info.InPlace {
		return "", cause
	}
	if !cli.Pastable(info.Path) {
		return "", cause
	}
	return fmt.Sprintf("kubectl shareproc debug %s -i -- tee /proc/%d/root%s <FILE >/dev/null writes into the file itself",
		r.Pod, root.Process.PID, info.Path), cause
}

// An End is where a copy begins or ends: a path in a pod's container, or of this machine where Pod is "".
type End struct {
	Namespace, Pod, Container string
	// PID is the process whose files are meant; 0 for the container's first.
	PID  int
	Path string
}
