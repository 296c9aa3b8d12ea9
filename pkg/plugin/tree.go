// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type treeOptions struct {
	fileArgs
	treeFlags
}

// fileTree is "fs tree -o json".
type fileTree struct {
	typeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	pathText
	*treeNode
}

// treeNode is one file of a tree.
type treeNode struct {
	file
	Items []*treeNode `json:"items,omitempty"`
}

func newFSTreeCmd(f *Factory, run func(context.Context, *Factory, *treeOptions) error) *cobra.Command {
	opts := &treeOptions{}
	cmd := &cobra.Command{
		Use:   "tree POD [PID] [PATH]",
		Short: "Draw the tree of files below a path",
		Long: `Draw the tree of files below PATH, sorted by name. It is drawn when all of it is known; fs -R and
fs find print as they go. Links are not followed, and kernel file systems (/proc, /sys) not
entered from above without --proc. -o json prints one object with items in items (kind FileTree).

Use it to get an idea of a small directory.`,
		Example: `  kubectl shareproc fs tree nginx /etc --maxdepth 2`,
		Args:    podFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.checkTree(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	opts.addTree(cmd.Flags())
	opts.addOutput(cmd, "json")
	return cmd
}

func runFSTree(ctx context.Context, f *Factory, opts *treeOptions) error {
	return f.useRoot(ctx, &opts.fileArgs, func(r *room, root *remote.Root) error { return f.fsTree(ctx, r, root, opts) })
}

func (f *Factory) fsTree(ctx context.Context, r *room, root *remote.Root, opts *treeOptions) error {
	nodes := map[string]*treeNode{}
	var top *treeNode
	walk := remote.WalkOptions{TreeOptions: opts.options(), LinkTargets: true}
	info, err := root.Walk(ctx, opts.path(), walk, func(at string, e remote.Entry) error {
		node := &treeNode{file: entryFile(e)}
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
		if printed := f.printTree(r, root.Process.PID, info.Path, top, opts); printed != nil {
			return printed
		}
	}
	return err
}

func (f *Factory) printTree(r *room, pid int, start string, top *treeNode, opts *treeOptions) (err error) {
	top.sort()
	if opts.json() {
		return printObject(f.Streams.Out, "json", fileTree{
			typeMeta: kind("FileTree"), Namespace: r.session.Namespace, Pod: r.session.Pod, PID: pid,
			pathText: newPathText(start), treeNode: top,
		})
	}
	out := f.Report.Lines()
	defer out.close(&err)
	if err := out.path(start, false); err != nil {
		return err
	}
	directories, others, err := top.draw(out, "", f.Report.Colored(f.Streams.Out))
	if err != nil {
		return err
	}
	return out.print(fmt.Sprintf("\n%s, %s\n", plural(directories, "directory", "directories"), plural(others, "file", "files")))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func (n *treeNode) sort() {
	slices.SortFunc(n.Items, func(a, b *treeNode) int { return cmp.Compare(a.Name, b.Name) })
	for _, item := range n.Items {
		item.sort()
	}
}

// draw prints what is below a node, and counts it.
func (n *treeNode) draw(out *lines, margin string, colored bool) (directories, others int, err error) {
	for i, item := range n.Items {
		branch, further := "├── ", "│   "
		if i == len(n.Items)-1 {
			branch, further = "└── ", "    "
		}
		text := remote.Escape(item.Name)
		if colored {
			mode, _ := strconv.ParseUint(item.Permissions, 8, 32) // 0 where nothing is known
			text = fileStyle(item.Type, uint32(mode)).on(text)
		}
		if item.Type == kindOf(fs.ModeSymlink) {
			text += " -> " + remote.Escape(item.LinkTarget)
		}
		if err := out.print(margin + branch + text + "\n"); err != nil {
			return directories, others, err
		}
		if item.Type == kindOf(fs.ModeDir) {
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
