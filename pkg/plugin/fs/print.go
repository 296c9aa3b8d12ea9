// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"fmt"
	"path"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// FileInfo is what "fs -o json" prints: a file's facts, and a directory's entries.
type FileInfo struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	// Path is without links, from the process's root.
	Path string `json:"path"`
	files.File
	Items []files.File `json:"items,omitempty"`
}

func printFound(deps *cli.Deps, r *session.Session, root *rootfs.Root, info rootfs.Info, entries []rootfs.Entry, opts *fsOptions) error {
	switch {
	case output.IsDocument(opts.Output):
		entries = opts.list.arrange(entries)
		object := FileInfo{
			TypeMeta: output.NewTypeMeta("File"), Namespace: r.Namespace, Pod: r.Pod,
			PID: root.Process.PID, Path: info.Path, File: files.NewFile(path.Base(info.Path), info.Stat),
		}
		for _, e := range entries {
			object.Items = append(object.Items, files.EntryFile(e))
		}
		return output.PrintObject(deps.Streams.Out, opts.Output, object)
	case opts.Output == "name":
		return printNames(deps, info, opts.list.arrange(entries), opts.nul)
	default:
		return printEntries(deps, entries, opts)
	}
}

func printNames(deps *cli.Deps, info rootfs.Info, entries []rootfs.Entry, nul bool) error {
	names := []string{info.Path}
	if info.FileMode().IsDir() {
		names = names[:0]
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		line := remote.Escape(name) + "\n"
		if nul {
			line = name + "\x00"
		}
		if _, err := fmt.Fprint(deps.Streams.Out, line); err != nil {
			return err
		}
	}
	return nil
}

func printEntries(deps *cli.Deps, entries []rootfs.Entry, opts *fsOptions) error {
	rows := make([][]string, 0, len(entries))
	for _, e := range opts.list.arrange(entries) {
		rows = append(rows, files.LongRow(e, e.Name(), opts.list.human, deps.Report.Colored(deps.Streams.Out)))
	}
	return output.Table(deps.Streams.Out, rows)
}
