// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type fsOptions struct {
	fileArgs
	nul  bool
	list listing
}

func newFSCmd(f *Factory, run func(context.Context, *Factory, *fsOptions) error) *cobra.Command {
	opts := &fsOptions{}
	cmd := &cobra.Command{
		Use:   "fs POD [PID] [PATH]",
		Short: "List a directory of a container, or print a file; find, grep, du and more in it",
		Long: `List a directory of a container's file system, or print a file, byte for byte.

Use it to look around; the commands below search, compare, measure and edit.

The files are those that process PID sees, its volumes included; without PID, those of the
container's first process. Links resolve as they do for that process. In listings, control
characters in names are escaped; -o name prints names as they are with -0, each followed
by a NUL.

-R lists all that is below too, with paths, as it is found; --sort waits for all of it.
With -R, -o json prints one object a line (kind FileEntry).

A pod that is named like one of the commands below is "pod/NAME": fs pod/find /etc.`,
		Example: `  # the root of the pod's default container
  kubectl shareproc fs nginx

  # a directory and a file, as process 8 sees them
  kubectl shareproc fs nginx 8 /etc/nginx
  kubectl shareproc fs nginx 8 /etc/nginx/nginx.conf > nginx.conf

  # what is known of a file, for a script
  kubectl shareproc fs nginx /etc/nginx/nginx.conf -o json

  # the largest files last week's volume filled up with
  kubectl shareproc fs nginx /var -R --sort=size --human`,
		Args: podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := opts.take(cmd, args, 1); err != nil {
				return err
			}
			if err := checkOutput(cmd, opts.output, "name"); err != nil {
				return err
			}
			if opts.nul && opts.output != "name" {
				return usage("-o name -0", "-0: only with -o name")
			}
			if err := opts.list.validate(cmd, opts.output); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	addOutput(cmd, &opts.output, "name")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "With -o name: names as they are, each followed by a NUL")
	opts.list.add(cmd)
	addVerbs(cmd, f)
	return cmd
}

func addVerbs(cmd *cobra.Command, f *Factory) {
	cmd.AddCommand(
		newFSCatCmd(f, runFSCat),
		newFSStatCmd(f, runFSStat),
		newFSFindCmd(f, runFSFind),
		newFSTreeCmd(f, runFSTree),
		newFSDuCmd(f, runFSDu),
		newFSSumCmd(f, runFSSum),
		newFSGrepCmd(f, runFSGrep),
		newFSTailCmd(f, runFSTail),
		newFSTarCmd(f, runFSTar),
		newFSDiffCmd(f, runFSDiff),
		newFSEditCmd(f, runFSEdit),
	)
}

func runFS(ctx context.Context, f *Factory, opts *fsOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(r *room, root *remote.Root) error {
		if opts.list.recursive {
			return f.listTree(ctx, root, opts)
		}
		return f.fs(ctx, r, root, opts)
	})
}

// fs prints what is at a path: a directory's entries, a file's bytes, or what is known of it.
func (f *Factory) fs(ctx context.Context, r *room, root *remote.Root, opts *fsOptions) error {
	info, err := root.Stat(ctx, opts.path(), true)
	switch {
	case err != nil:
		return err
	case info.FileMode().IsDir():
		info, entries, err := root.ReadDir(ctx, opts.path())
		if err != nil {
			return err
		}
		return f.printFound(r, root, info, entries, opts)
	case opts.output != "":
		return f.printFound(r, root, info, nil, opts)
	}
	return f.copyOut(ctx, root, opts.path())
}

// copyOut prints a file's bytes.
func (f *Factory) copyOut(ctx context.Context, root *remote.Root, path string) error {
	_, err := root.Read(ctx, path, func(remote.Info) (io.Writer, error) { return newOutput(f.Streams.Out), nil })
	return err
}

// output is where the bytes go. Its errors are not about the file they come from.
type output struct{ io.Writer }

// newOutput returns a writer to w.
func newOutput(w io.Writer) io.Writer { return output{w} }

type outputError struct{ error }

func (e outputError) Error() string { return "write output: " + e.error.Error() }

func (e outputError) Unwrap() error { return e.error }

func (o output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		err = outputError{err}
	}
	return n, err
}

// pathError says of which process and pod a path was asked, and what an error of package remote means there.
func (r *room) pathError(ctx context.Context, pid int, root *remote.Root, err error) error {
	var path *fs.PathError
	var partly *remote.TreeError
	_, local := errors.AsType[outputError](err)
	process := root.Process
	switch {
	case err == nil, ctx.Err() != nil, local:
		return err
	case errors.As(err, &partly):
		return r.partly(partly)
	case errors.Is(err, remote.ErrIsDirectory) && errors.As(err, &path):
		return hint.With(fmt.Errorf("read %s of process %d in pod/%s: %w", remote.Escape(path.Path), process.PID, r.session.Pod, remote.ErrIsDirectory),
			"kubectl shareproc fs, for what is in it; fs sum -R and fs grep -r, for the files below it")
	case errors.Is(err, remote.ErrNoProcess) && pid != 0:
		return r.noProcess(pid)
	case errors.Is(err, remote.ErrNoProcess):
		return hint.With(fmt.Errorf("find a process of container %s in pod/%s: %w", r.target.Container, r.session.Pod, remote.ErrNoProcess),
			"kubectl shareproc ps "+r.session.Pod)
	case errors.Is(err, remote.ErrSpecial) && errors.As(err, &path):
		kind := "file of no known kind"
		if info, err := root.Stat(ctx, path.Path, true); err == nil {
			kind = kindOf(info.FileMode())
		}
		return hint.With(fmt.Errorf("print %s of process %d in pod/%s: it is a %s", remote.Escape(path.Path), process.PID, r.session.Pod, kind),
			"-o json, for what is known of it")
	case errors.As(err, &path) && process.PID != 0:
		return fmt.Errorf("open %s of process %d (%s) in pod/%s: %w", remote.Escape(path.Path), process.PID, remote.Escape(process.Name),
			r.session.Pod, path.Err)
	}
	return err
}
