// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type tailOptions struct {
	files.Args
	lines  lineCount
	follow bool
	byName bool
	raw    bool
}

func newTailCommand(deps *cli.Deps) *cobra.Command {
	opts := &tailOptions{}
	cmd := &cobra.Command{
		Use:   "tail POD [PID] PATH",
		Short: "Print the last lines of a file",
		Long: `Print the last lines of a regular file, byte for byte. -f follows the file as it
grows, until Ctrl-C (exit code 130), and leaves nothing running. It follows the
file that it opened, even if that is renamed; -F continues with the file that
has the name by then, as with log rotation. A line on stderr says when the file
is renamed, removed or truncated.

Use it for logs that go to a file instead of to stdout.`,
		Example: `  kubectl shareproc fs tail nginx /var/log/app.log

  # follow it until Ctrl-C (exit code 130)
  kubectl shareproc fs tail nginx /var/log/app.log -n 50 -f`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if _, err := strconv.Atoi(opts.Container); err == nil {
				return cli.Usage("use --container "+opts.Container+" if it is a container", "-c %s: tail counts lines (-n), not bytes", opts.Container)
			}
			return runTail(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.lines = 10
	cmd.Flags().VarP(&opts.lines, "lines", "n", "Number of lines to print (for the namespace use --namespace)")
	addRaw(cmd, &opts.raw)
	cli.SpellOut(deps, cmd.Flags(), "namespace")
	cmd.Flags().BoolVarP(&opts.follow, "follow", "f", false, "Follow the file as it grows")
	cmd.Flags().BoolVarP(&opts.byName, "follow-name", "F", false, "Like -f, and continue with a new file of the same name")
	return cmd
}

func runTail(ctx context.Context, deps *cli.Deps, opts *tailOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(_ *session.Session, root *rootfs.Root) (err error) {
		screen := deps.Report.Screen(opts.raw)
		defer screen.Close(&err)
		_, err = rootfs.Tail(ctx, root, opts.Path(), rootfs.TailOptions{
			Lines: int(opts.lines), Follow: opts.follow || opts.byName, ByName: opts.byName,
			Event: func(e rootfs.TailEvent) { deps.Report.Warn("%s: %s", opts.Path(), opts.became(e)) },
		}, func(rootfs.Info) (io.Writer, error) { return screen, nil })
		return err
	})
}

// became says what has become of a file that is followed.
func (o *tailOptions) became(e rootfs.TailEvent) string {
	switch {
	case e == rootfs.FileCut:
		return "the file was truncated; continuing from its beginning"
	case e == rootfs.FileGone && o.byName:
		return "the file was renamed or removed; waiting for a new one of that name"
	case e == rootfs.FileGone:
		return "the file was renamed or removed; still following it"
	case o.byName:
		return "a new file has its name; continuing with that one"
	}
	return "a new file has its name; -F would continue with that one"
}
