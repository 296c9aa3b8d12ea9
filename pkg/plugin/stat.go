// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// fileStat is a line of "fs stat -o json".
type fileStat struct {
	typeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	pathText
	file
	Inode  uint64 `json:"inode"`
	Device uint64 `json:"device"`
	// Blocks are of 512 bytes; left out where the helper's stat doesn't tell.
	Blocks   *int64 `json:"blocks512,omitempty"`
	Resolved string `json:"resolvedPath,omitempty"`
	// ResolveError says why a link leads nowhere.
	ResolveError string `json:"resolveError,omitempty"`
}

func newFSStatCmd(f *Factory, run func(context.Context, *Factory, *fileArgs) error) *cobra.Command {
	opts := &fileArgs{}
	cmd := &cobra.Command{
		Use:   "stat POD [PID] PATH...",
		Short: "Print all that is known of files",
		Long: `Print all that is known of files of a container, of a link itself and of where it leads.
-o json prints one object a line (kind FileStat).

Use it when modes, owners, links or times are in question.`,
		Example: `  kubectl shareproc fs stat nginx /var/run`,
		Args:    podFirst(anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args, anyNumber); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	opts.addOutput(cmd, "json: one object a line")
	return cmd
}

func runFSStat(ctx context.Context, f *Factory, opts *fileArgs) (err error) {
	out := f.Report.Lines()
	defer out.close(&err)
	return f.eachPath(ctx, opts, func(r *room, root *remote.Root, path string) error {
		one, s, err := r.stat(ctx, opts.pid, root, path)
		switch {
		case err != nil:
			return err
		case opts.json():
			return out.object(one)
		}
		return one.print(out, s)
	})
}

func (r *room) stat(ctx context.Context, pid int, root *remote.Root, name string) (fileStat, *remote.Stat, error) {
	info, err := root.Stat(ctx, name, false)
	if err != nil {
		return fileStat{}, nil, err
	}
	one := fileStat{
		typeMeta: kind("FileStat"), Namespace: r.session.Namespace, Pod: r.session.Pod, PID: root.Process.PID,
		pathText: newPathText(info.Path), file: newFile(path.Base("/"+name), info.Stat), Inode: info.Ino, Device: info.Dev, Resolved: info.Path,
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
		err = r.pathError(ctx, pid, root, err)
		if goesFor(err) || ctx.Err() != nil {
			return one, info.Stat, err
		}
		one.Resolved, one.ResolveError = "", err.Error()
	}
	return one, info.Stat, nil
}

func (one fileStat) print(out *lines, s *remote.Stat) error {
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
		blocks = fmt.Sprintf(" (%s on the disk)", humanBytes(*one.Blocks*512))
	}
	text += fmt.Sprintf("size:      %d%s\nmode:      %s %s\nuser:      %s\ngroup:     %s\nlinks:     %d\ninode:     %d on device %d\nmodified:  %s\n",
		one.Size, blocks, one.Permissions, modeString(s), ownerAndID(one.User, one.UID), ownerAndID(one.Group, one.GID), one.Links,
		one.Inode, one.Device, one.Mtime.Local().Format(time.RFC3339Nano))
	return out.print(text)
}

func ownerAndID(name string, id uint32) string {
	if name == "" {
		return strconv.FormatUint(uint64(id), 10)
	}
	return fmt.Sprintf("%s (%d)", remote.Escape(name), id)
}
