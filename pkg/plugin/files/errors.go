// SPDX-License-Identifier: Apache-2.0

package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Together joins errors, with the advice for the first; a single error is returned unchanged.
func Together(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// NotCopied reports a file that a copy leaves out.
func NotCopied(deps *cli.Deps, top, name string, err error) {
	what := "not copied: "
	if errors.Is(err, transfer.ErrOwner) {
		what = "not kept: "
	} else if _, grown := errors.AsType[*transfer.GrownError](err); grown {
		what = ""
	}
	deps.Report.Warn("%s%s: %s", what, remote.Escape(path.Join(top, name)), output.EscapeLine(err.Error()))
}

// Breakage says in a few words why a connection broke.
func Breakage(err error) string {
	if transfer.IsStalled(err) {
		return remote.ErrStalled.Error()
	}
	return "the stream ended early"
}

// WriteError says where something in a pod could not be written, and what might help.
func WriteError(ctx context.Context, r *session.Session, pid int, root *rootfs.Root, name string, cause error) error {
	if errors.Is(cause, remote.ErrNoProcess) || root.Process.PID == 0 {
		return PathError(ctx, r, pid, root, &fs.PathError{Op: "write", Path: name, Err: cause})
	}
	inPlace, cause := obstacle(ctx, r, root, name, cause)
	err := fmt.Errorf("write %s of process %d (%s) in pod/%s: %w", remote.Escape(name), root.Process.PID, remote.Escape(root.Process.Name), r.Pod, cause)
	switch {
	case inPlace != "":
		return hint.With(err, inPlace)
	case errors.Is(cause, remote.ErrReadOnly):
		return hint.With(err, fmt.Sprintf("choose a writable volume: kubectl shareproc debug %s -- grep -w rw /proc/%d/mountinfo", r.Pod, root.Process.PID))
	case errors.Is(cause, fs.ErrNotExist), errors.Is(cause, transfer.ErrNoDirectory):
		return hint.With(err, "kubectl shareproc fs "+r.Pod+" /   # shows the directories")
	case errors.Is(cause, transfer.ErrInTheWay), errors.Is(cause, transfer.ErrDangling), errors.Is(cause, transfer.ErrIsDirectory):
		return hint.With(err, "use another name, or the path that the link points to")
	}
	return err
}

// PathError says of which process and pod a path was asked, and what an error of package remote means there.
func PathError(ctx context.Context, r *session.Session, pid int, root *rootfs.Root, err error) error {
	var path *fs.PathError
	var partly *rootfs.TreeError
	_, local := errors.AsType[output.WriteError](err)
	process := root.Process
	switch {
	case err == nil, ctx.Err() != nil, local:
		return err
	case errors.As(err, &partly):
		return Partly(r, partly)
	case errors.Is(err, remote.ErrIsDirectory) && errors.As(err, &path):
		return hint.With(fmt.Errorf("read %s of process %d in pod/%s: %w", remote.Escape(path.Path), process.PID, r.Pod, remote.ErrIsDirectory),
			"use kubectl shareproc fs to list it, or fs checksum -R and fs grep -r for the files below it")
	case errors.Is(err, remote.ErrNoProcess) && pid != 0:
		return session.NoProcess(r, pid)
	case errors.Is(err, remote.ErrNoProcess):
		return hint.With(fmt.Errorf("find a process of container %s in pod/%s: %w", r.Target.Container, r.Pod, remote.ErrNoProcess),
			"kubectl shareproc ps "+r.Pod)
	case (errors.Is(err, remote.ErrSpecial) || errors.Is(err, transfer.ErrKind)) && errors.As(err, &path):
		return specialError(ctx, r, root, path.Path)
	case errors.As(err, &path) && process.PID != 0:
		return openError(r, process, path)
	}
	return err
}

// FailuresShown is how many of the files that could not be read are named.
const FailuresShown = 20

// Partly says what of a tree is missing, after all the rest was printed.
func Partly(r *session.Session, missing *rootfs.TreeError) error {
	try := "run it again if the files were changing"
	if errors.Is(missing, fs.ErrPermission) {
		try = "use --profile general if the cluster admits a helper as root"
	}
	return hint.With(NewPartError(PartText("pod/"+r.Pod, missing.Failures, missing.Count), missing), try)
}

// PartText names the first files of a place that could not be read, and says how many there are.
func PartText(place string, failures []error, count int) string {
	files := "files or directories"
	if count == 1 {
		files = "file or directory"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "read the whole tree in %s: %d %s could not be read", place, count, files)
	shown := failures[:min(len(failures), FailuresShown)]
	for _, failure := range shown {
		if path, ok := errors.AsType[*fs.PathError](failure); ok {
			fmt.Fprintf(&b, "\n  %s %s: %v", path.Op, remote.Escape(path.Path), path.Err)
		}
	}
	if more := count - len(shown); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// partError has a text of several lines, whose names are escaped already.
type partError struct {
	text  string
	cause error
}

// NewPartError makes an error of a text whose names are escaped already; cause may be nil.
func NewPartError(text string, cause error) error { return partError{text, cause} }

func (e partError) Error() string { return e.text }

func (e partError) Unwrap() error { return e.cause }
