// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// listing says what of a directory "fs" lists, and how.
type listing struct {
	files.TreeFlags
	recursive bool
	all       bool
	sort      string
	human     bool
}

func (l *listing) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVarP(&l.recursive, "recursive", "R", false, "List recursively, with paths")
	flags.BoolVarP(&l.all, "all", "a", true, "Include names that begin with a dot; --all=false omits them")
	flags.StringVar(&l.sort, "sort", "", "Sort by name, size (largest first) or time (newest first)")
	flags.BoolP("long", "l", true, "Print the metadata of each entry (the default without -o name)")
	addHuman(cmd, &l.human, "Print sizes in powers of 1024")
	l.AddTree(flags)
	cli.CompleteFlag(cmd, "sort", "name", "size", "time")
}

func (l *listing) validate(cmd *cobra.Command, format string) error {
	help := cmd.CommandPath() + " --help"
	switch {
	case !slices.Contains([]string{"", "name", "size", "time"}, l.sort):
		return cli.Usage(help, "--sort %q: not one of name, size, time", l.sort)
	case l.recursive && format != "json" && output.IsDocument(format):
		return cli.Usage("use -R -o json", "-o %s and -R are mutually exclusive", format)
	case !l.recursive && (l.MaxDepth != 0 || l.Xdev || l.Proc):
		return cli.Usage(help, "--maxdepth, --xdev and --proc require -R")
	}
	return l.CheckTree(cmd)
}

// arrange leaves out what is not wanted, and sorts. Entries come sorted by name.
func (l *listing) arrange(entries []rootfs.Entry) []rootfs.Entry {
	if !l.all {
		entries = slices.DeleteFunc(entries, func(e rootfs.Entry) bool { return strings.HasPrefix(e.Name(), ".") })
	}
	if l.sort == "size" || l.sort == "time" {
		slices.SortStableFunc(entries, l.compare)
	}
	return entries
}

// compare orders by size or time; what is not known comes last.
func (l *listing) compare(a, b rootfs.Entry) int {
	s, t := a.Stat(), b.Stat()
	switch {
	case l.sort != "size" && l.sort != "time":
		return 0
	case s == nil || t == nil:
		return -cmp.Compare(btoi(s != nil), btoi(t != nil))
	case l.sort == "size":
		return -cmp.Compare(s.Size, t.Size)
	default:
		return t.Mtime.Compare(s.Mtime)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A walked file is one that waits for being sorted.
type walkedFile struct {
	path  string
	entry rootfs.Entry
}

// listTree is "fs -R".
func listTree(ctx context.Context, deps *cli.Deps, root *rootfs.Root, opts *fsOptions) (err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	colored := deps.Report.Colored(deps.Streams.Out)
	var kept []walkedFile
	start := ""
	walk := rootfs.WalkOptions{TreeOptions: opts.list.Options(), LinkTargets: opts.Output != "name"}
	_, err = root.Walk(ctx, opts.Path(), walk, func(path string, e rootfs.Entry) error {
		if start == "" {
			start = path
		}
		switch {
		case !opts.list.all && strings.Contains(strings.TrimPrefix(path, start), "/."):
			return nil
		case opts.list.sort == "":
			return opts.printOne(out, path, e, colored)
		}
		kept = append(kept, walkedFile{path, e})
		return nil
	})
	slices.SortStableFunc(kept, func(a, b walkedFile) int {
		return cmp.Or(opts.list.compare(a.entry, b.entry), cmp.Compare(a.path, b.path))
	})
	for _, file := range kept {
		if err := opts.printOne(out, file.path, file.entry, colored); err != nil {
			return err
		}
	}
	return err
}

// printOne prints a file of a tree. Columns are of fixed width, since nobody knows yet what comes.
func (o *fsOptions) printOne(out *output.Lines, path string, e rootfs.Entry, colored bool) error {
	switch o.Output {
	case "json":
		return out.Object(files.NewFileEntry(path, e))
	case "name":
		return out.Path(path, o.nul)
	}
	row := files.LongRow(e, path, o.list.human, colored)
	return out.Print(fmt.Sprintf("%-10s %3s %-8s %-8s %10s %16s %s\n", row[0], row[1], row[2], row[3], row[4], row[5], row[6]))
}
