// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/moby/term"
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

type tarOptions struct {
	fileArgs
	format string
}

func newFSTarCmd(f *Factory, run func(context.Context, *Factory, *tarOptions) error) *cobra.Command {
	opts := &tarOptions{}
	cmd := &cobra.Command{
		Use:   "tar POD [PID] [PATH]",
		Short: "Write the root, or a part of it, to stdout as a tar archive",
		Long: `Write a file, or a directory with all that is in it, to stdout as a tar archive. Names are
paths from the process's root without the first slash; modes, owners (by number), times, links,
hard links, devices and FIFOs are kept. Kernel file systems (/proc, /sys) are left out.

Use it to keep the state of a container, or for tools of this machine that want the files here.

What is missing in it (sockets, what may not be read, what changed while it was read) is named on
stderr, and the exit code is 1. A file of more than 32 MiB goes out while it comes: one that
then turns out to have changed spoils the archive, whose end every reader reports as an error.`,
		Example: `  # what is in it; the same on this machine
  kubectl shareproc fs tar nginx /etc | tar -tvf -
  kubectl shareproc fs tar nginx /etc | tar -x -C ./copy

  # kept, compressed
  kubectl shareproc fs tar nginx | gzip > nginx.tar.gz`,
		Args: podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, 1); err != nil {
				return err
			}
			if opts.format != "pax" && opts.format != "gnu" {
				return usage(cmd.CommandPath()+" --help", "--format %q: not one of pax, gnu", opts.format)
			}
			if _, terminal := term.GetFdInfo(f.Streams.Out); terminal {
				return usage("| tar -tvf -, for what is in it, or > FILE", "an archive is not written to a terminal")
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.Flags().StringVar(&opts.format, "format", "pax", "pax, or gnu for busybox's tar, which cuts long names of pax; gnu has whole seconds only")
	complete(cmd, "format", "pax", "gnu")
	return cmd
}

func runFSTar(ctx context.Context, f *Factory, opts *tarOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(r *room, root *remote.Root) error { return f.fsTar(ctx, r, root, opts) })
}

func (f *Factory) fsTar(ctx context.Context, r *room, root *remote.Root, opts *tarOptions) error {
	info, err := root.Stat(ctx, opts.path(), true)
	if err != nil {
		return err
	}
	bar := f.tarProgress(ctx)
	defer bar.stop()
	archive := transfer.NewArchive(newOutput(f.Streams.Out), opts.format == "gnu", info.Path)
	report, err := transfer.Copy(ctx, archive, root.Source(), transfer.Options{
		Source: info.Path, Dest: info.Path, Preserve: true, Progress: bar.add,
		Report: func(name string, err error) { f.notCopied(opts.path(), name, err) },
		Retry: func(err error, _ time.Duration) {
			f.Report.Say("the connection broke: %s; going on with what is missing", breakage(err))
		},
	})
	side := (*fs.PathError)(nil)
	switch {
	case err == nil && report.Failed > 0:
		return fmt.Errorf("archive %s of pod/%s: %d of its files missing or not whole; everything else is there",
			remote.Escape(opts.path()), r.session.Pod, report.Failed)
	case errors.As(err, new(outputError)):
		return err
	case errors.As(err, &side) && side.Op == "write":
		return fmt.Errorf("keep files on this machine until they are whole: %w", side.Err)
	}
	return err
}

// tarProgress shows progress only where nobody else writes to the terminal meanwhile, as behind a pipe.
func (f *Factory) tarProgress(ctx context.Context) *progress {
	if file, ok := f.Streams.Out.(*os.File); !ok || !regular(file) {
		return (&Reporter{IOStreams: f.Streams, Quiet: true}).Progress(ctx)
	}
	return f.Report.Progress(ctx)
}

func regular(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}
