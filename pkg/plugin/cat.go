// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func newFSCatCmd(f *Factory, run func(context.Context, *Factory, *fileArgs) error) *cobra.Command {
	opts := &fileArgs{}
	cmd := &cobra.Command{
		Use:   "cat POD [PID] PATH...",
		Short: "Print files",
		Long: `Print files of a container one after the other, byte for byte. What is not a regular file is
an error; the others are printed all the same, and the exit code is 1.

Use it for several files at once; for one, fs POD PATH is the same.`,
		Example: `  kubectl shareproc fs cat nginx /etc/nginx/nginx.conf /etc/nginx/mime.types`,
		Args:    podFirst(anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, anyNumber); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	return cmd
}

func runFSCat(ctx context.Context, f *Factory, opts *fileArgs) error {
	return f.eachPath(ctx, opts, func(_ *room, root *remote.Root, path string) error { return f.copyOut(ctx, root, path) })
}

// eachPath does something with each path, and goes on where one of them is in the way.
func (f *Factory) eachPath(ctx context.Context, a *fileArgs, do func(r *room, root *remote.Root, path string) error) error {
	return f.useRoot(ctx, a, func(r *room, root *remote.Root) error {
		var failed []error
		for _, path := range a.paths {
			err := r.pathError(ctx, a.pid, root, do(r, root, path))
			if err != nil && (goesFor(err) || ctx.Err() != nil) {
				return err
			}
			if err != nil {
				failed = append(failed, err)
			}
		}
		return together(failed)
	})
}

// goesFor tells an error that is the same for every path from one of this path alone.
func goesFor(err error) bool {
	_, local := errors.AsType[outputError](err)
	_, denied := errors.AsType[*remote.AccessError](err)
	_, missing := errors.AsType[*remote.MissingToolError](err)
	return local || denied || missing || errors.Is(err, remote.ErrNoProcess) || streamFailed(err)
}

// together is one error as it is, and several with the advice for the first.
func together(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
