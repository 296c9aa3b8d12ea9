// SPDX-License-Identifier: Apache-2.0

// Package fs is the command fs with its subcommands, which look at the files of a container, one file each. It changes
// nothing: fs edit is in package edit, fs diff in package diff, fs serve in package serve.
package fs

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/edit"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/serve"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
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
	cmd := newListCommand(deps, "fs")
	cli.SpellOut(deps, cmd.PersistentFlags(), "server")
	cmd.SetFlagErrorFunc(letterError)
	addVerbs(cmd, deps)
	ls := newListCommand(deps, listName) // as everybody types it
	ls.Hidden = true
	cmd.AddCommand(ls)
	return cmd
}

// listName is the other name of fs itself.
const listName = "ls"

func newListCommand(deps *cli.Deps, name string) *cobra.Command {
	opts := &fsOptions{}
	cmd := &cobra.Command{
		Use:   name + " POD [PID] [PATH]",
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
		Args: orHelp(pick.Allowed(deps, cli.PodFirst(3))),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if args, err = pick.Pod(cmd, deps, args); err != nil {
				return err
			}
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
	cli.GroupRare(cmd.Flags(), "", "null")
	addRaw(cmd, &opts.raw)
	opts.list.add(cmd)
	return cmd
}

func addVerbs(cmd *cobra.Command, deps *cli.Deps) {
	cmd.AddCommand(
		newCatCommand(deps),
		newStatCommand(deps),
		newFindCommand(deps),
		newTreeCommand(deps),
		newDuCommand(deps),
		newDfCommand(deps),
		newChangedCommand(deps),
		newChecksumCommand(deps),
		newGrepCommand(deps),
		newTailCommand(deps),
		newTarCommand(deps),
		diff.NewCommand(deps),
		edit.NewCommand(deps),
		serve.NewCommand(deps),
	)
}

func run(ctx context.Context, deps *cli.Deps, opts *fsOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(r *session.Session, root *rootfs.Root) error {
		if opts.list.recursive {
			return listTree(ctx, deps, root, opts)
		}
		return show(ctx, deps, r, root, opts)
	})
}

// fs prints what is at a path: a directory's entries, a file's bytes, or what is known of it.
func show(ctx context.Context, deps *cli.Deps, r *session.Session, root *rootfs.Root, opts *fsOptions) error {
	// Most often it is a directory, which needs no second question.
	info, entries, err := root.ReadDir(ctx, opts.Path())
	file := errors.Is(err, remote.ErrNotDirectory) && info.Stat != nil
	switch {
	case err != nil && !file:
		return err
	case !file || opts.Output != "":
		return printFound(deps, r, root, info, entries, opts)
	}
	return copyOut(ctx, deps, root, opts.Path(), opts.raw)
}

// addRaw adds --raw.
func addRaw(cmd *cobra.Command, raw *bool) {
	cmd.Flags().BoolVar(raw, "raw", false, "Do not escape control characters on a terminal")
}

// copyOut prints a file's bytes.
func copyOut(ctx context.Context, deps *cli.Deps, root *rootfs.Root, path string, raw bool) (err error) {
	screen := deps.Report.Screen(raw)
	defer screen.Close(&err)
	_, err = root.Read(ctx, path, func(i rootfs.Info) (io.Writer, error) {
		if i.Nlink == 0 {
			deps.Report.Say("%s is a deleted file: it has no name any more", path)
		}
		return screen, nil
	})
	if errors.Is(err, remote.ErrGrew) {
		deps.Report.Warn("%s grew while it was read; what it had before is printed", path)
		return nil
	}
	return err
}
