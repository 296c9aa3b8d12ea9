// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/moby/term"
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

type tarOptions struct {
	files.Args
	format string
}

func newTarCommand(deps *cli.Deps) *cobra.Command {
	opts := &tarOptions{}
	opts.Bulk = true
	cmd := &cobra.Command{
		Use:   "tar POD [PID] [PATH]",
		Short: "Write files to stdout as a tar archive",
		Long: `Write a file, or a directory with everything in it, to stdout as a tar archive.
Names are paths from the root of the process without the first slash. Modes,
owners (by number), times, links, hard links, devices and FIFOs are kept. Kernel
file systems (/proc, /sys) are left out.

Use it to save the state of a container, or to process its files with local
tools.

Missing files (sockets, files that cannot be read or changed while they were
read) are reported on stderr, and the exit code is 1. Files over 32 MiB are
streamed: if one turns out to have changed, the archive is truncated, and tar
reports an error.`,
		Example: `  # list the archive; unpack it on this machine
  kubectl shareproc fs tar nginx /etc | tar -tvf -
  kubectl shareproc fs tar nginx /etc | tar -x -C ./copy

  # save it compressed
  kubectl shareproc fs tar nginx | gzip > nginx.tar.gz`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if opts.format != "pax" && opts.format != "gnu" {
				return cli.Usage(cmd.CommandPath()+" --help", "--format %q: not one of pax, gnu", opts.format)
			}
			if _, terminal := term.GetFdInfo(deps.Streams.Out); terminal {
				return cli.Usage("redirect it to a file, or append | tar -tvf - to list it", "refusing to write an archive to a terminal")
			}
			return runTar(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cmd.Flags().StringVar(&opts.format, "format", "pax", "Archive format: pax, or gnu (whole seconds) for busybox's tar, which cuts long names of pax")
	cli.CompleteFlag(cmd, "format", "pax", "gnu")
	return cmd
}

func runTar(ctx context.Context, deps *cli.Deps, opts *tarOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(r *session.Session, root *rootfs.Root) error { return fsTar(ctx, deps, r, root, opts) })
}

func fsTar(ctx context.Context, deps *cli.Deps, r *session.Session, root *rootfs.Root, opts *tarOptions) error {
	info, err := root.Stat(ctx, opts.Path(), true)
	if err != nil {
		return err
	}
	bar := tarProgress(ctx, deps)
	defer bar.Stop()
	archive := transfer.NewArchive(output.NewOutput(deps.Streams.Out), opts.format == "gnu", info.Path)
	report, err := transfer.Copy(ctx, archive, tree.Source(root, tree.PackAuto), transfer.Options{
		Source: info.Path, Dest: info.Path, Preserve: true, Progress: bar.Add,
		Report: func(name string, err error) { files.NotCopied(deps, opts.Path(), name, err) },
		Retry: func(err error, _ time.Duration) {
			deps.Report.Say("connection lost: %s; resuming", files.Breakage(err))
		},
	})
	side := (*fs.PathError)(nil)
	switch {
	case err == nil && report.Failed > 0:
		return fmt.Errorf("archive %s of pod/%s: %d of its files are missing or incomplete; the rest was written",
			remote.Escape(opts.Path()), r.Pod, report.Failed)
	case errors.As(err, new(output.WriteError)):
		return err
	case errors.As(err, &side) && side.Op == "write":
		return fmt.Errorf("store files on this machine until they are complete: %w", side.Err)
	}
	return err
}

// tarProgress shows progress only if no other program of the pipe writes to the terminal.
func tarProgress(ctx context.Context, deps *cli.Deps) *output.Progress {
	if file, ok := deps.Streams.Out.(*os.File); !ok || !regular(file) {
		return (&output.Reporter{IOStreams: deps.Streams, Quiet: true}).Progress(ctx)
	}
	return deps.Report.Progress(ctx)
}

func regular(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}
