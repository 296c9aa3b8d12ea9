// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type findOptions struct {
	files.Args
	files.TreeFlags
	tests findTests
	nul   bool
}

func newFindCommand(deps *cli.Deps) *cobra.Command {
	opts := &findOptions{}
	cmd := &cobra.Command{
		Use:   "find POD [PID] [PATH]",
		Short: "Find files below a path",
		Long: `Print the paths of files at and below PATH that pass every test, as they are
found. Paths are resolved and start at the root of the process. Links are not
followed, except PATH itself. Only directories are opened.

Use it to look for files by name, age, size, owner or permissions.

Kernel file systems (/proc, /sys, wherever they are mounted) are not entered
from above without --proc. -o json prints one object per line (kind FileEntry).`,
		Example: `  # find files written in the last hour
  kubectl shareproc fs find nginx / --xdev --type f --newer 1h

  # find large logs, and setuid files
  kubectl shareproc fs find nginx /var --name '*.log' --size +10M
  kubectl shareproc fs find nginx / --type f --perm -4000`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			if err := opts.tests.compile(cmd); err != nil {
				return err
			}
			if opts.nul && opts.JSON() {
				return cli.Usage(cmd.CommandPath()+" --help", "-0 and -o json are mutually exclusive")
			}
			return runFind(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	opts.tests.add(cmd)
	opts.AddOutput(cmd, "json: one object per line")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Print unescaped paths, each followed by NUL")
	return cmd
}

func runFind(ctx context.Context, deps *cli.Deps, opts *findOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(_ *session.Session, root *rootfs.Root) (err error) {
		out := deps.Report.Lines()
		defer out.Close(&err)
		walk := rootfs.WalkOptions{TreeOptions: opts.Options(), LinkTargets: opts.JSON()}
		_, err = root.Walk(ctx, opts.Path(), walk, func(path string, e rootfs.Entry) error {
			switch {
			case !opts.tests.pass(e):
				return nil
			case opts.JSON():
				return out.Object(files.NewFileEntry(path, e))
			default:
				return out.Path(path, opts.nul)
			}
		})
		return err
	})
}
