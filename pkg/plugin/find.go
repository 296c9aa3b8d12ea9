// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type findOptions struct {
	fileArgs
	treeFlags
	tests findTests
	nul   bool
}

func newFSFindCmd(f *Factory, run func(context.Context, *Factory, *findOptions) error) *cobra.Command {
	opts := &findOptions{}
	cmd := &cobra.Command{
		Use:   "find POD [PID] [PATH]",
		Short: "Find files below a path",
		Long: `Print the paths of files at and below PATH that pass every test, as they are found. Paths are without links from the process's
root; links are not followed, except PATH itself. Nothing is opened but directories.

Use it to look for files by name, age, size, owner or permissions.

Kernel file systems (/proc, /sys, wherever they are mounted) are not entered from above
without --proc. -o json prints one object a line (kind FileEntry).`,
		Example: `  # what was written in the last hour
  kubectl shareproc fs find nginx / --xdev --type f --newer 1h

  # large logs; files that run as root whoever starts them
  kubectl shareproc fs find nginx /var --name '*.log' --size +10M
  kubectl shareproc fs find nginx / --type f --perm -4000`,
		Args: podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.checkTree(cmd); err != nil {
				return err
			}
			if err := opts.tests.compile(cmd); err != nil {
				return err
			}
			if opts.nul && opts.json() {
				return usage(cmd.CommandPath()+" --help", "-0: not with -o json")
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	opts.addTree(cmd.Flags())
	opts.tests.add(cmd)
	opts.addOutput(cmd, "json: one object a line")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Paths as they are, each followed by a NUL")
	return cmd
}

func runFSFind(ctx context.Context, f *Factory, opts *findOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(_ *room, root *remote.Root) (err error) {
		out := f.Report.Lines()
		defer out.close(&err)
		walk := remote.WalkOptions{TreeOptions: opts.options(), LinkTargets: opts.json()}
		_, err = root.Walk(ctx, opts.path(), walk, func(path string, e remote.Entry) error {
			switch {
			case !opts.tests.pass(e):
				return nil
			case opts.json():
				return out.object(newFileEntry(path, e))
			default:
				return out.path(path, opts.nul)
			}
		})
		return err
	})
}
