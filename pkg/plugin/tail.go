// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type tailOptions struct {
	fileArgs
	lines  int
	follow bool
}

func newFSTailCmd(f *Factory, run func(context.Context, *Factory, *tailOptions) error) *cobra.Command {
	opts := &tailOptions{}
	cmd := &cobra.Command{
		Use:   "tail POD [PID] PATH",
		Short: "Print a file's last lines, and what is appended to it",
		Long: `Print the last lines of a regular file, byte for byte. -f goes on with what is appended, until
Ctrl-C (exit code 130), which leaves nothing running. It follows the file that it opened,
also when that is renamed; a log that starts again under its old name is another file.

Use it for logs that go to a file instead of to stdout.`,
		Example: `  kubectl shareproc fs tail nginx /var/log/app.log

  # and what comes, until Ctrl-C (exit code 130)
  kubectl shareproc fs tail nginx /var/log/app.log --lines 50 -f`,
		Args: podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, 1); err != nil {
				return err
			}
			if opts.lines < 0 {
				return usage(cmd.CommandPath()+" --help", "--lines %d: less than zero", opts.lines)
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.Flags().IntVar(&opts.lines, "lines", 10, "How many of the last lines to print (-n is kubectl's namespace)")
	cmd.Flags().BoolVarP(&opts.follow, "follow", "f", false, "Go on with what is appended")
	return cmd
}

func runFSTail(ctx context.Context, f *Factory, opts *tailOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(_ *room, root *remote.Root) error {
		_, err := root.Tail(ctx, opts.path(), opts.lines, opts.follow, func(remote.Info) (io.Writer, error) { return newOutput(f.Streams.Out), nil })
		return err
	})
}
