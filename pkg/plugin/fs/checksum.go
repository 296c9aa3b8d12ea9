// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type checksumOptions struct {
	files.Args
	files.TreeFlags
	recursive bool
	nul       bool
}

// Checksum is a line of "fs checksum -o json".
type Checksum struct {
	output.TypeMeta
	output.PathText
	SHA256 string `json:"sha256"`
}

func newChecksumCommand(deps *cli.Deps) *cobra.Command {
	opts := &checksumOptions{}
	cmd := &cobra.Command{
		Use:   "checksum POD [PID] PATH",
		Short: "Print SHA-256 checksums of files",
		Long: `Print the SHA-256 checksum of a regular file, or with -R of those below a
directory, like sha256sum. The helper computes them, so no file is transferred.
Links are not followed, except PATH itself. With -0 the output is that of
sha256sum -z. -o json prints one object per line (kind Checksum).

Use it to check that a file is the one that you built, or the same in two
places.`,
		Example: `  kubectl shareproc fs checksum nginx /usr/sbin/nginx

  # compare the files of two replicas
  kubectl shareproc fs checksum web-0 /etc/nginx -R | sort > web-0.sums
  kubectl shareproc fs checksum web-1 /etc/nginx -R | sort | diff web-0.sums -`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			if opts.nul && opts.JSON() {
				return cli.Usage(cmd.CommandPath()+" --help", "-0 and -o json are mutually exclusive")
			}
			return runChecksum(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	cmd.Flags().BoolVarP(&opts.recursive, "recursive", "R", false, "Include all files below a directory")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Print unescaped paths, and end lines with NUL")
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

func runChecksum(ctx context.Context, deps *cli.Deps, opts *checksumOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(_ *session.Session, root *remote.Root) (err error) {
		out := deps.Report.Lines()
		defer out.Close(&err)
		sum := remote.SumOptions{TreeOptions: opts.Options(), Recursive: opts.recursive}
		_, err = root.Sum(ctx, opts.Path(), sum, func(path string, sum [32]byte) error {
			text := hex.EncodeToString(sum[:])
			if opts.JSON() {
				return out.Object(Checksum{output.NewTypeMeta("Checksum"), output.NewPathText(path), text})
			}
			if err := out.Print(text + "  "); err != nil {
				return err
			}
			return out.Path(path, opts.nul)
		})
		return err
	})
}
