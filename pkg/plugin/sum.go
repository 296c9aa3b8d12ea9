// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type sumOptions struct {
	fileArgs
	treeFlags
	recursive bool
	nul       bool
}

// checksum is a line of "fs sum -o json".
type checksum struct {
	typeMeta
	pathText
	SHA256 string `json:"sha256"`
}

func newFSSumCmd(f *Factory, run func(context.Context, *Factory, *sumOptions) error) *cobra.Command {
	opts := &sumOptions{}
	cmd := &cobra.Command{
		Use:   "sum POD [PID] PATH",
		Short: "Print SHA-256 checksums of files",
		Long: `Print the SHA-256 checksum of a regular file, or with -R of those below a directory, as sha256sum
does. The helper computes them: the files' bytes stay where they are. Links are not
followed, except PATH itself. With -0 the lines are those of sha256sum -z. -o json prints
one object a line (kind Checksum).

Use it to see whether a file is the one that you built, or the same in two places.`,
		Example: `  kubectl shareproc fs sum nginx /usr/sbin/nginx

  # do two replicas have the same files?
  kubectl shareproc fs sum web-0 /etc/nginx -R | sort > web-0.sums
  kubectl shareproc fs sum web-1 /etc/nginx -R | sort | diff web-0.sums -`,
		Args: podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.checkTree(cmd); err != nil {
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
	cmd.Flags().BoolVarP(&opts.recursive, "recursive", "R", false, "The files below a directory")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Paths as they are, each line ended by a NUL instead")
	opts.addOutput(cmd, "json: one object a line")
	return cmd
}

func runFSSum(ctx context.Context, f *Factory, opts *sumOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(_ *room, root *remote.Root) (err error) {
		out := f.Report.Lines()
		defer out.close(&err)
		sum := remote.SumOptions{TreeOptions: opts.options(), Recursive: opts.recursive}
		_, err = root.Sum(ctx, opts.path(), sum, func(path string, sum [32]byte) error {
			text := hex.EncodeToString(sum[:])
			if opts.json() {
				return out.object(checksum{kind("Checksum"), newPathText(path), text})
			}
			if err := out.print(text + "  "); err != nil {
				return err
			}
			return out.path(path, opts.nul)
		})
		return err
	})
}
