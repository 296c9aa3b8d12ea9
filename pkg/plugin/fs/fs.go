// SPDX-License-Identifier: Apache-2.0

// Package fs is the command fs with its subcommands, which look at the files of a container, one file each. It changes
// nothing: fs edit is in package edit, fs diff in package diff.
package fs

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/edit"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type fsOptions struct {
	files.Args
	nul  bool
	raw  bool
	list listing
}

// NewCommand returns the command fs.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &fsOptions{}
	cmd := &cobra.Command{
		Use:   "fs POD [PID] [PATH]",
		Short: "Browse a container's files: list, print, find, grep, diff, edit",
		Long: `List a directory of a container's file system, or print a file, byte for byte.
On a terminal, control characters in it are escaped unless --raw is given.

Use it to look around; the commands below search, compare, measure and edit.

Files are shown as process PID sees them, volumes included; the default is the
container's first process. Links resolve as they do for that process. In
listings, control characters in names are escaped; -o name -0 prints unescaped
names, each followed by NUL.

-R lists recursively, with paths, as files are found; --sort waits until all are
known. With -R, -o json prints one object per line (kind FileEntry).

If a pod has the name of one of the commands below, use "pod/NAME": fs pod/find
/etc.`,
		Example: `  # list the root of the pod's default container
  kubectl shareproc fs nginx

  # show a directory and a file, as process 8 sees them
  kubectl shareproc fs nginx 8 /etc/nginx
  kubectl shareproc fs nginx 8 /etc/nginx/nginx.conf > nginx.conf

  # print the metadata of a file for a script
  kubectl shareproc fs nginx /etc/nginx/nginx.conf -o json

  # list the largest files first
  kubectl shareproc fs nginx /var -R --sort=size --human-readable`,
		Args: orHelp(cli.PodFirst(3)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := opts.Take(cmd, args, 1); err != nil {
				return err
			}
			if err := cli.CheckOutput(cmd, opts.Output, "name"); err != nil {
				return err
			}
			if opts.nul && opts.Output != "name" {
				return cli.Usage("use -o name -0", "-0 requires -o name")
			}
			if err := opts.list.validate(cmd, opts.Output); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cli.AddOutput(cmd, &opts.Output, "name")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "With -o name: print unescaped names, each followed by NUL")
	addRaw(cmd, &opts.raw)
	opts.list.add(cmd)
	cli.SpellOut(deps, cmd.PersistentFlags(), "server")
	cmd.SetFlagErrorFunc(letterError)
	addVerbs(cmd, deps)
	return cmd
}

func addVerbs(cmd *cobra.Command, deps *cli.Deps) {
	cmd.AddCommand(
		newCatCommand(deps),
		newStatCommand(deps),
		newFindCommand(deps),
		newTreeCommand(deps),
		newDuCommand(deps),
		newChecksumCommand(deps),
		newGrepCommand(deps),
		newTailCommand(deps),
		newTarCommand(deps),
		diff.NewCommand(deps),
		edit.NewCommand(deps),
	)
}

func run(ctx context.Context, deps *cli.Deps, opts *fsOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(r *session.Session, root *remote.Root) error {
		if opts.list.recursive {
			return listTree(ctx, deps, root, opts)
		}
		return show(ctx, deps, r, root, opts)
	})
}

// fs prints what is at a path: a directory's entries, a file's bytes, or what is known of it.
func show(ctx context.Context, deps *cli.Deps, r *session.Session, root *remote.Root, opts *fsOptions) error {
	info, err := root.Stat(ctx, opts.Path(), true)
	switch {
	case err != nil:
		return err
	case info.FileMode().IsDir():
		info, entries, err := root.ReadDir(ctx, opts.Path())
		if err != nil {
			return err
		}
		return printFound(deps, r, root, info, entries, opts)
	case opts.Output != "":
		return printFound(deps, r, root, info, nil, opts)
	}
	return copyOut(ctx, deps, root, opts.Path(), opts.raw)
}

// addRaw adds --raw.
func addRaw(cmd *cobra.Command, raw *bool) {
	cmd.Flags().BoolVar(raw, "raw", false, "Do not escape control characters on a terminal")
}

// copyOut prints a file's bytes.
func copyOut(ctx context.Context, deps *cli.Deps, root *remote.Root, path string, raw bool) (err error) {
	screen := deps.Report.Screen(raw)
	defer screen.Close(&err)
	_, err = root.Read(ctx, path, func(i remote.Info) (io.Writer, error) {
		if i.Nlink == 0 {
			deps.Report.Say("%s is a deleted file: it has no name any more", path)
		}
		return screen, nil
	})
	return err
}
