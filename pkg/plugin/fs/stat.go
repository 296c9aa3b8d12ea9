// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// FileStat is a line of "fs stat -o json".
type FileStat struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	output.PathText
	files.File
	Inode  uint64 `json:"inode"`
	Device uint64 `json:"device"`
	// Blocks are of 512 bytes; left out where the helper's stat doesn't tell.
	Blocks   *int64 `json:"blocks512,omitempty"`
	Resolved string `json:"resolvedPath,omitempty"`
	// ResolveError says why a link leads nowhere.
	ResolveError string `json:"resolveError,omitempty"`
}

func newStatCommand(deps *cli.Deps) *cobra.Command {
	opts := &files.Args{}
	cmd := &cobra.Command{
		Use:   "stat POD [PID] PATH...",
		Short: "Show file metadata",
		Long: `Show the metadata of files in a container, and for a link where it leads. -o
json prints one object per line (kind FileStat).

Use it to check modes, owners, links or times.`,
		Example: `  kubectl shareproc fs stat nginx /var/run`,
		Args:    cli.PodFirst(files.AnyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, files.AnyNumber); err != nil {
				return err
			}
			return runStat(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

func runStat(ctx context.Context, deps *cli.Deps, opts *files.Args) (err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	return files.EachPath(ctx, deps, opts, func(r *session.Session, root *rootfs.Root, path string) error {
		one, s, err := stat(ctx, r, opts.Pid, root, path)
		switch {
		case err != nil:
			return err
		case opts.JSON():
			return out.Object(one)
		}
		return one.print(out, s)
	})
}

func stat(ctx context.Context, r *session.Session, pid int, root *rootfs.Root, name string) (FileStat, *remote.Stat, error) {
	info, err := root.Stat(ctx, name, false)
	if err != nil {
		return FileStat{}, nil, err
	}
	one := FileStat{
		TypeMeta: output.NewTypeMeta("FileStat"), Namespace: r.Namespace, Pod: r.Pod, PID: root.Process.PID,
		PathText: output.NewPathText(info.Path), File: files.NewFile(path.Base("/"+name), info.Stat), Inode: info.Ino, Device: info.Dev, Resolved: info.Path,
	}
	if info.Blocks >= 0 {
		one.Blocks = &info.Blocks
	}
	if info.FileMode().Type() != fs.ModeSymlink {
		return one, info.Stat, nil
	}
	end, err := root.Stat(ctx, name, true)
	one.Resolved = end.Path
	if err != nil {
		err = files.PathError(ctx, r, pid, root, err)
		if files.GoesFor(err) || ctx.Err() != nil {
			return one, info.Stat, err
		}
		one.Resolved, one.ResolveError = "", err.Error()
	}
	return one, info.Stat, nil
}

func (one FileStat) print(out *output.Lines, s *remote.Stat) error {
	text := fmt.Sprintf("path:      %s\ntype:      %s\n", remote.Escape(one.Path), one.Type)
	if one.Type == "link" {
		text += fmt.Sprintf("target:    %s\n", remote.Escape(one.LinkTarget))
		if one.ResolveError != "" {
			text += fmt.Sprintf("leads to:  nothing: %s\n", remote.Escape(one.ResolveError))
		} else {
			text += fmt.Sprintf("leads to:  %s\n", remote.Escape(one.Resolved))
		}
	}
	if s.FileMode()&fs.ModeDevice != 0 {
		text += fmt.Sprintf("device:    %d,%d\n", s.RdevMajor, s.RdevMinor)
	}
	blocks := ""
	if one.Blocks != nil {
		blocks = fmt.Sprintf(" (%s on the disk)", output.HumanBytes(*one.Blocks*512))
	}
	text += fmt.Sprintf("size:      %d%s\nmode:      %s %s\nuser:      %s\ngroup:     %s\nlinks:     %d\ninode:     %d on device %d\nmodified:  %s\n",
		one.Size, blocks, one.Permissions, files.ModeString(s), ownerAndID(one.User, one.UID), ownerAndID(one.Group, one.GID), one.Links,
		one.Inode, one.Device, one.Mtime.Local().Format(time.RFC3339Nano))
	return out.Print(text)
}

func ownerAndID(name string, id uint32) string {
	if name == "" {
		return strconv.FormatUint(uint64(id), 10)
	}
	return fmt.Sprintf("%s (%d)", remote.Escape(name), id)
}
