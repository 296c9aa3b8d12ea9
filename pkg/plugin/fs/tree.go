// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type treeOptions struct {
	files.Args
	files.TreeFlags
}

// FileTree is "fs tree -o json".
type FileTree struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	output.PathText
	*treeNode
}

// treeNode is one file of a tree.
type treeNode struct {
	files.File
	Items []*treeNode `json:"items,omitempty"`
}

func newTreeCommand(deps *cli.Deps) *cobra.Command {
	opts := &treeOptions{}
	cmd := &cobra.Command{
		Use:   "tree POD [PID] [PATH]",
		Short: "Show files as a tree",
		Long: `Show the files below PATH as a tree, sorted by name. It is printed when all of
it is known; fs -R and fs find print as they go. Links are not followed, and
kernel file systems (/proc, /sys) are not entered from above without --proc. -o
json prints one object with nested items (kind FileTree).

Use it to get an overview of a small directory.`,
		Example: `  kubectl shareproc fs tree nginx /etc --maxdepth 2`,
		Args:    cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			return runTree(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	opts.AddOutput(cmd, "json")
	return cmd
}

func runTree(ctx context.Context, deps *cli.Deps, opts *treeOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(r *session.Session, root *rootfs.Root) error { return fsTree(ctx, deps, r, root, opts) })
}

func fsTree(ctx context.Context, deps *cli.Deps, r *session.Session, root *rootfs.Root, opts *treeOptions) error {
	nodes := map[string]*treeNode{}
	var top *treeNode
	walk := rootfs.WalkOptions{TreeOptions: opts.Options(), LinkTargets: true}
	info, err := root.Walk(ctx, opts.Path(), walk, func(at string, e rootfs.Entry) error {
		node := &treeNode{File: files.EntryFile(e)}
		if above := nodes[path.Dir(at)]; above != nil && top != nil {
			above.Items = append(above.Items, node)
		}
		if top == nil {
			top = node
		}
		if e.IsDir() {
			nodes[at] = node
		}
		return nil
	})
	if top != nil {
		if printed := printTree(deps, r, root.Process.PID, info.Path, top, opts); printed != nil {
			return printed
		}
	}
	return err
}

func printTree(deps *cli.Deps, r *session.Session, pid int, start string, top *treeNode, opts *treeOptions) (err error) {
	top.sort()
	if opts.JSON() {
		return output.PrintObject(deps.Streams.Out, "json", FileTree{
			TypeMeta: output.NewTypeMeta("FileTree"), Namespace: r.Namespace, Pod: r.Pod, PID: pid,
			PathText: output.NewPathText(start), treeNode: top,
		})
	}
	out := deps.Report.Lines()
	defer out.Close(&err)
	if err := out.Path(start, false); err != nil {
		return err
	}
	directories, others, err := top.draw(out, "", deps.Report.Colored(deps.Streams.Out))
	if err != nil {
		return err
	}
	return out.Print(fmt.Sprintf("\n%s, %s\n", output.Plural(directories, "directory", "directories"), output.Plural(others, "file", "files")))
}

func (n *treeNode) sort() {
	slices.SortFunc(n.Items, func(a, b *treeNode) int { return cmp.Compare(a.Name, b.Name) })
	for _, item := range n.Items {
		item.sort()
	}
}

// draw prints what is below a node, and counts it.
func (n *treeNode) draw(out *output.Lines, margin string, colored bool) (directories, others int, err error) {
	for i, item := range n.Items {
		branch, further := "├── ", "│   "
		if i == len(n.Items)-1 {
			branch, further = "└── ", "    "
		}
		text := remote.Escape(item.Name)
		if colored {
			mode, _ := strconv.ParseUint(item.Permissions, 8, 32) // 0 where nothing is known
			text = files.FileStyle(item.Type, uint32(mode)).On(text)
		}
		if item.Type == files.KindOf(fs.ModeSymlink) {
			text += " -> " + remote.Escape(item.LinkTarget)
		}
		if err := out.Print(margin + branch + text + "\n"); err != nil {
			return directories, others, err
		}
		if item.Type == files.KindOf(fs.ModeDir) {
			directories++
		} else {
			others++
		}
		below, beside, err := item.draw(out, margin+further, colored)
		directories, others = directories+below, others+beside
		if err != nil {
			return directories, others, err
		}
	}
	return directories, others, nil
}
