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

func newCatCommand(deps *cli.Deps) *cobra.Command {
	opts, raw := &files.Args{Bulk: true}, false
	cmd := &cobra.Command{
		Use:   "cat POD [PID] PATH...",
		Short: "Print files",
		Long: `Print files of a container one after the other, byte for byte. Anything that is
not a regular file is an error; the others are still printed, and the exit code
is 1.

Use it for several files at once; for one, fs POD PATH is the same.`,
		Example: `  kubectl shareproc fs cat nginx /etc/nginx/nginx.conf /etc/nginx/mime.types`,
		Args:    cli.PodFirst(files.AnyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, files.AnyNumber); err != nil {
				return err
			}
			return runCat(cmd.Context(), deps, opts, raw)
		},
	}
	opts.Add(cmd.Flags())
	addRaw(cmd, &raw)
	return cmd
}

func runCat(ctx context.Context, deps *cli.Deps, opts *files.Args, raw bool) error {
	return files.EachPath(ctx, deps, opts, func(_ *session.Session, root *rootfs.Root, path string) error {
		return copyOut(ctx, deps, root, path, raw)
	})
}
