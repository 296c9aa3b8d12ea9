// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
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

func runFSStat(ctx context.Context, f *Factory, opts *fileArgs) error {
	return f.useFiles(ctx, opts, func(r *room) error { return f.fsStat(ctx, r, opts) })
}

func (f *Factory) fsStat(ctx context.Context, r *room, opts *fileArgs) (err error) {
	out := f.lines()
	defer out.close(&err)
	var failed []error
	for _, path := range opts.paths {
		one, stat, err := r.stat(ctx, opts.pid, path)
		if err != nil {
			if goesFor(err) || ctx.Err() != nil {
				return err
			}
			failed = append(failed, err)
			continue
		}
		if opts.json() {
			err = out.object(one)
		} else {
			err = one.print(out, stat)
		}
		if err != nil {
			return err
		}
	}
	return together(failed)
}

func (r *room) stat(ctx context.Context, pid int, path string) (fileStat, *procfs.Stat, error) {
	where := r.where(pid, path)
	where.FactsOnly = true
	found, _, err := procfs.Show(ctx, r, where, nil)
	if err != nil {
		return fileStat{}, nil, r.describe(pid, found, err)
	}
	s := found.Stat()
	one := fileStat{
		typeMeta: kind("FileStat"), Namespace: r.session.Namespace, Pod: r.session.Pod, PID: found.PID,
		pathText: newPathText(found.Path), file: newFile(found.Info.Name(), found.Info), Inode: s.Ino, Device: s.Dev,
	}
	if s.Blocks >= 0 {
		one.Blocks = &s.Blocks
	}
	if s.FileMode().Type() != fs.ModeSymlink {
		one.Resolved = found.Path
		return one, s, nil
	}
	// One level of a tree is the cheapest question that follows a link to whatever kind of file.
	end, err := procfs.Walk(ctx, r, r.where(pid, path), procfs.WalkOptions{TreeOptions: procfs.TreeOptions{MaxDepth: 1}},
		func(string, procfs.Entry) error { return io.EOF })
	if end.Info != nil {
		one.Resolved = end.Path
		return one, s, nil
	}
	err = r.describe(pid, end, err)
	if goesFor(err) || ctx.Err() != nil {
		return one, s, err
	}
	one.ResolveError = err.Error()
	return one, s, nil
}

func (one fileStat) print(out *lines, s *procfs.Stat) error {
	text := fmt.Sprintf("path:      %s\ntype:      %s\n", procfs.Escape(one.Path), one.Type)
	if one.Type == "link" {
		text += fmt.Sprintf("target:    %s\n", procfs.Escape(one.LinkTarget))
		if one.ResolveError != "" {
			text += fmt.Sprintf("leads to:  nothing: %s\n", procfs.Escape(one.ResolveError))
		} else {
			text += fmt.Sprintf("leads to:  %s\n", procfs.Escape(one.Resolved))
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
	return fmt.Sprintf("%s (%d)", procfs.Escape(name), id)
}
