// SPDX-License-Identifier: Apache-2.0

// Package diff is the command fs diff: it opens both sides, has pkg/diff compare what they list, and prints the
// differences.
package diff

import (
	"context"
	"errors"
	"path"
	"runtime"

	"github.com/moby/term"
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
)

type diffOptions struct {
	cli.HelperFlags
	a, b    diffEnd
	owner   bool
	unified bool
	image   bool
	exclude []string
	output  string
}

// NewCommand returns the command fs diff.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &diffOptions{}
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare files between two pods, a pod and this machine, or a pod and its image",
		Long: `Compare two files, or two directories with everything in them. A and B are
[NAMESPACE/][TYPE/]NAME:[PID:]PATH; one of them may be a local path. One line is
printed for each path that was added, removed or changed from A to B, sorted,
with what differs: type, content, size, target (of a link), device, mode, owner.
Different times alone do not count. -c app,web names a container of A and of B.

Use it when one of two replicas misbehaves. With --with-image, A is left out: it
is the image that B's container runs, so that what is printed was changed since
the container started. What is mounted there (volumes, /etc/hosts) is left out.
That takes Kubernetes 1.35, and a pod on the same node while it runs.

Contents of the same size are compared by checksum, computed where the file is,
unless the times are the same to the nanosecond. -u prints the differences in
text files up to 1 MiB. Owners are compared between pods, and with a local path
only with --owner.

Kernel file systems (/proc, /sys) are left out, unless A or B is in one. Links
are not followed, except A and B themselves. -o json prints one object per line
(kind Difference).

The exit code is that of diff: 0 if both are the same, 1 if they differ, 2 after
an error.`,
		Example: `  # compare two replicas
  kubectl shareproc fs diff web-0:/etc/nginx web-1:/etc/nginx

  # show what changed in a container since it was deployed (exit code 1: it did)
  kubectl shareproc fs diff ./conf deploy/web:/etc/nginx -u

  # show what changed since the container started (exit code 1: something did)
  kubectl shareproc fs diff web-0:/ --with-image

  # compare as process 8 sees it, without what always differs
  kubectl shareproc fs diff web-0:/ web-1:8:/ -x /etc/hostname -x /etc/hosts -x /run -x /var/log -x '..*'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.AddWithoutLetter(cmd.Flags())
	flags := cmd.Flags()
	cli.ForTwo(flags)
	flags.BoolVarP(&opts.unified, "unified", "u", false, "Also print the differences in text files")
	flags.BoolVar(&opts.owner, "owner", true, "Compare owners (default: only between pods)")
	flags.BoolVar(&opts.image, "with-image", false, "Compare one POD:PATH with the image of its container (-c)")
	flags.StringSliceVarP(&opts.exclude, "exclude", "x", nil, "Skip paths that match a shell pattern, as a whole or by any name in them")
	flags.StringVarP(&opts.output, "output", "o", "", "json: one object per line")
	cli.CompleteFlag(cmd, "output", "json")
	return cmd
}

func (o *diffOptions) parse(cmd *cobra.Command, args []string) (err error) {
	switch {
	case o.image && len(args) != 1:
		return cli.Usage(cmd.CommandPath()+" POD:PATH --with-image", "--with-image compares one POD:PATH: got %d arguments", len(args))
	case o.image:
		if err := o.parseImage(cmd, args[0]); err != nil {
			return err
		}
		return o.check(cmd)
	case len(args) != 2:
		return cli.Usage(cmd.CommandPath()+" --help", "two files or directories are required: got %d arguments", len(args))
	}
	if o.a, err = parseEnd(cmd, args[0]); err != nil {
		return err
	}
	if o.b, err = parseEnd(cmd, args[1]); err != nil {
		return err
	}
	if o.a.local() && o.b.local() {
		return cli.Usage("use diff -r to compare two local paths", "neither %q nor %q has the form POD:PATH", args[0], args[1])
	}
	return o.check(cmd)
}

// check checks the flags of both ends.
func (o *diffOptions) check(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("owner") {
		o.owner = !o.local()
	}
	if err := o.checkFlags(cmd.CommandPath() + " --help"); err != nil {
		return err
	}
	o.Two = !o.local() && !o.image
	if err := o.Validate(cmd); err != nil {
		return err
	}
	return cli.OneOf(cmd, o.output, "", "json")
}

// local says that one of the two is on this machine.
func (o *diffOptions) local() bool { return o.a.local() || o.b.local() }

func (o *diffOptions) checkFlags(help string) error {
	switch {
	case o.Selector != "":
		return cli.Usage(help, "-l is not supported: name the pods in A and B")
	case o.unified && o.output != "":
		return cli.Usage(help, "-u and -o json are mutually exclusive")
	case o.owner && o.local() && runtime.GOOS == "windows":
		return cli.Usage(help, "--owner: this system has no owners by number")
	}
	for _, pattern := range o.exclude {
		if _, err := path.Match(pattern, ""); err != nil {
			return cli.Usage(help, "--exclude %q: not a pattern", pattern)
		}
	}
	return nil
}

func run(ctx context.Context, deps *cli.Deps, opts *diffOptions) error {
	same, err := fsDiff(ctx, deps, opts)
	switch {
	case err != nil:
		return cli.AsGrepError(err)
	case !same:
		return cli.CommandExit{Code: cli.ExitError}
	}
	return nil
}

// fsDiff prints the differences, and says whether there are none.
func fsDiff(ctx context.Context, deps *cli.Deps, opts *diffOptions) (same bool, err error) {
	a, b := newSide(deps, opts.a, opts.Of(0)), newSide(deps, opts.b, opts.Of(1))
	first, second := a, b
	if opts.image {
		a.beside = b
		first, second = b, a
	}
	out := deps.Report.Lines()
	defer out.Close(&err)
	p := &differencePrinter{opts: opts, Lines: out, a: a, b: b}
	_, p.terminal = term.GetFdInfo(deps.Streams.Out)
	err = openBoth(ctx, deps, opts, first, second, func(ctx context.Context) error {
		differences, err := compareSides(ctx, opts, a, b)
		if err != nil {
			return err
		}
		same = len(differences) == 0
		for i := range differences {
			if err := p.one(ctx, &differences[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return same, err
	}
	return same, files.Together(append(a.missing(), b.missing()...))
}

// compareSides compares what both sides have listed.
func compareSides(ctx context.Context, opts *diffOptions, a, b *side) ([]diff.Difference, error) {
	prune(opts, a, b)
	if opts.image {
		if err := pruneMounts(a, b); err != nil {
			return nil, err
		}
	}
	undecided := diff.Undecided(a.list, b.list)
	both := make(chan error, 1)
	crash.Go(ctx, func() { both <- crash.Try(func() error { return a.sum(ctx, undecided) }) })
	err := errors.Join(b.sum(ctx, undecided), <-both)
	if err != nil {
		return nil, err
	}
	equal := map[string]bool{}
	for _, name := range undecided {
		x, inA := a.sums[name]
		y, inB := b.sums[name]
		if inA && inB {
			equal[name] = x == y
		}
	}
	options := diff.Options{Owners: opts.owner, Modes: !opts.local() || runtime.GOOS != "windows"}
	differences, addUndecided := diff.Listings(a.list, b.list, options, equal)
	for _, name := range addUndecided {
		// Files without metadata are reported with those that could not be listed.
		if !a.list.Files[name].Unknown && !b.list.Files[name].Unknown {
			a.addUncompared(name)
			b.addUncompared(name)
		}
	}
	return differences, nil
}

// kernel reports whether a file is in a kernel file system that is not entered from where the side begins.
func (s *side) kernel(name string) bool {
	t := s.tree
	return t.session != nil && t.root.Kernel(s.absolute(name)) && !t.root.Kernel(s.top)
}

// prune leaves out what is not compared: what is not looked at on one side, on the other side too.
func prune(opts *diffOptions, a, b *side) {
	for _, s := range []*side{a, b} {
		for name := range s.list.Files {
			if diff.Excluded(name, opts.exclude) || a.kernel(name) || b.kernel(name) {
				delete(s.list.Files, name)
			}
		}
	}
}
