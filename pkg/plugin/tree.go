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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
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
fs find print as they go. Links are not followed, and /proc and /sys not entered from the
root without --proc. -o json prints one object with items in items (kind FileTree).

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
	return f.useFiles(ctx, &opts.fileArgs, func(r *room) error { return f.fsTree(ctx, r, opts) })
}

func (f *Factory) fsTree(ctx context.Context, r *room, opts *treeOptions) (err error) {
	nodes := map[string]*treeNode{}
	var top *treeNode
	walk := procfs.WalkOptions{TreeOptions: opts.options(), LinkTargets: true}
	found, err := procfs.Walk(ctx, r, r.where(opts.pid, opts.path()), walk, func(at string, e procfs.Entry) error {
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
		if printed := f.printTree(r, found, top, opts); printed != nil {
			return printed
		}
	}
	if err != nil {
		return r.describe(opts.pid, found, err)
	}
	return nil
}

func (f *Factory) printTree(r *room, found procfs.Found, top *treeNode, opts *treeOptions) (err error) {
	top.sort()
	if opts.json() {
		return printObject(f.Streams.Out, "json", fileTree{
			typeMeta: kind("FileTree"), Namespace: r.session.Namespace, Pod: r.session.Pod, PID: found.PID,
			pathText: newPathText(found.Path), treeNode: top,
		})
	}
	out := f.lines()
	defer out.close(&err)
	if err := out.path(found.Path, false); err != nil {
		return err
	}
	folders, files, err := top.draw(out, "", f.colored(f.Streams.Out))
	if err != nil {
		return err
	}
	return out.print(fmt.Sprintf("\n%s, %s\n", plural(folders, "directory", "directories"), plural(files, "file", "files")))
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
func (n *treeNode) draw(out *lines, margin string, colored bool) (folders, files int, err error) {
	for i, item := range n.Items {
		branch, further := "├── ", "│   "
		if i == len(n.Items)-1 {
			branch, further = "└── ", "    "
		}
		text := procfs.Escape(item.Name)
		if colored {
			mode, _ := strconv.ParseUint(item.Permissions, 8, 32) // 0 where nothing is known
			text = fileStyle(item.Type, uint32(mode)).on(text)
		}
		if item.Type == kindOf(fs.ModeSymlink) {
			text += " -> " + procfs.Escape(item.LinkTarget)
		}
		if err := out.print(margin + branch + text + "\n"); err != nil {
			return folders, files, err
		}
		if item.Type == kindOf(fs.ModeDir) {
			folders++
		} else {
			files++
		}
		below, beside, err := item.draw(out, margin+further, colored)
		folders, files = folders+below, files+beside
		if err != nil {
			return folders, files, err
		}
	}
	return folders, files, nil
}
