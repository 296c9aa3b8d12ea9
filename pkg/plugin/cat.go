// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
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
	return f.useFiles(ctx, opts, func(r *room) error { return f.fsCat(ctx, r, opts) })
}

func (f *Factory) fsCat(ctx context.Context, r *room, opts *fileArgs) error {
	var failed []error
	for _, path := range opts.paths {
		found, _, err := procfs.Show(ctx, r, r.where(opts.pid, path), func(procfs.Found) (io.Writer, error) {
			return output{f.Streams.Out}, nil
		})
		if err == nil && found.Info.IsDir() {
			err = &fs.PathError{Op: "read", Path: path, Err: procfs.ErrIsDirectory}
		}
		if err == nil {
			continue
		}
		err = r.describe(opts.pid, found, err)
		if goesFor(err) || ctx.Err() != nil {
			return err
		}
		failed = append(failed, err)
	}
	return together(failed)
}

// goesFor tells an error that is the same for every path from one of this path alone.
func goesFor(err error) bool {
	_, local := errors.AsType[outputError](err)
	_, denied := errors.AsType[*procfs.AccessError](err)
	_, missing := errors.AsType[*procfs.MissingToolError](err)
	return local || denied || missing || errors.Is(err, procfs.ErrNoProcess) || streamFailed(err)
}

// together is one error as it is, and several with the advice for the first.
func together(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
