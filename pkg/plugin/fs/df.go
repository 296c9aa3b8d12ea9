// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// A FileSystem is one in "fs df -o json".
type FileSystem struct {
	output.PathText
	Type     string `json:"type"`
	Source   string `json:"source"`
	ReadOnly bool   `json:"readOnly"`
	// Volume is left out where it is none of the pod's.
	Volume *podspec.Volume `json:"volume,omitempty"`
	// Used and Available are all of Size but for what is kept for the superuser.
	Size        uint64 `json:"sizeBytes"`
	Used        uint64 `json:"usedBytes"`
	Available   uint64 `json:"availableBytes"`
	UsedPercent int    `json:"usedPercent"`
	// Inodes is 0 where the file system does not count them.
	Inodes            uint64 `json:"inodes"`
	UsedInodes        uint64 `json:"usedInodes"`
	UsedInodesPercent int    `json:"usedInodesPercent"`
	// Error says why nothing is known of its size.
	Error string `json:"error,omitempty"`
}

// almostFull is from how many percent on a file system is marked.
const almostFull = 90

func newDfCommand(deps *cli.Deps) *cobra.Command {
	opts, all := &inspect.Args{NoLetter: true}, false
	cmd := &cobra.Command{
		Use:   "df POD [PID]",
		Short: "Show how full the file systems of a container are",
		Long: `Show the file systems that are mounted in a container, how full they are, and
which volume of the pod each is. Those that are full to 90 % are red, in bytes
or in inodes.

Use it when a write fails, or the node reports disk pressure.

An emptyDir without "medium: Memory" and the container's own layer are
directories on a disk of the node: their sizes are those of that disk. Use fs du
to measure them. A mount that does not answer within five seconds is named, and
the others are shown.

Left out without -a are kernel file systems (/proc, /sys), file systems without
a size, and the kubelet's own files (/etc/hosts).`,
		Example: `  kubectl shareproc fs df nginx

  # print the paths that are full to 90 %
  kubectl shareproc fs df nginx -o jsonpath='{.items[?(@.usedPercent>90)].path}'`,
		Args: orHelp(cli.PodFirst(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			return dfVerb(all).Run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, false)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "Include kernel file systems, those without a size, and the kubelet's files")
	addHuman(cmd, new(bool), "Print sizes in powers of 1024 (the default; -o json has bytes)")
	return cmd
}

func dfVerb(all bool) inspect.Verb[FileSystem, struct{}] {
	percent := func(used int, f FileSystem) string {
		if f.Error != "" {
			return "-"
		}
		return fmt.Sprintf("%d%%", used)
	}
	bytes := func(n uint64, f FileSystem) string {
		if f.Error != "" {
			return "-"
		}
		return output.HumanBytes(int64(min(n, math.MaxInt64)))
	}
	return inspect.Verb[FileSystem, struct{}]{
		Kind: "FileSystemList", Access: podspec.ReadRoot,
		Gather: func(ctx context.Context, l *inspect.Look) (inspect.Found[FileSystem, struct{}], error) {
			return fileSystems(ctx, l, all)
		},
		Name: func(f FileSystem) string { return f.Path },
		Columns: []inspect.Column[FileSystem]{
			{Name: "SIZE", Of: func(f FileSystem) string { return bytes(f.Size, f) }},
			{Name: "USED", Of: func(f FileSystem) string { return bytes(f.Used, f) }},
			{Name: "AVAIL", Of: func(f FileSystem) string { return bytes(f.Available, f) }},
			{Name: "USE%", Of: func(f FileSystem) string { return percent(f.UsedPercent, f) }, Style: func(f FileSystem) output.Style { return alarm(f.UsedPercent) }},
			{
				Name: "INODES%", Of: func(f FileSystem) string {
					if f.Inodes == 0 {
						return "-"
					}
					return percent(f.UsedInodesPercent, f)
				},
				Style: func(f FileSystem) output.Style { return alarm(f.UsedInodesPercent) },
			},
			{Name: "TYPE", Of: func(f FileSystem) string { return f.Type }},
			{Name: "MODE", Wide: true, Of: func(f FileSystem) string { return map[bool]string{true: "ro", false: "rw"}[f.ReadOnly] }},
			{Name: "SOURCE", Wide: true, Of: func(f FileSystem) string { return f.Source }},
			{Name: "MOUNTED ON", Of: func(f FileSystem) string { return f.Path }},
			{Name: "VOLUME", Of: volumeText},
		},
	}
}

func alarm(percent int) output.Style {
	if percent >= almostFull {
		return output.Red
	}
	return output.Plain
}

// volumeText names a volume and what it is.
func volumeText(f FileSystem) string {
	if f.Volume == nil {
		return map[bool]string{true: "container layer", false: "<none>"}[f.Path == "/" && f.Source != ""]
	}
	v := f.Volume
	text := v.Name + " (" + v.Kind
	for _, more := range []string{v.Of, v.Medium} {
		if more != "" && more != v.Name {
			text += " " + more
		}
	}
	if v.SizeLimit > 0 {
		text += ", limit " + output.HumanBytes(v.SizeLimit)
	}
	return text + ")"
}

// fileSystems are those of the container's first process that the helper may look into.
func fileSystems(ctx context.Context, l *inspect.Look, all bool) (found inspect.Found[FileSystem, struct{}], err error) {
	mounted, err := inspect.FileSystemsOf(ctx, l, all)
	if err != nil {
		return found, err
	}
	for _, f := range mounted.Items {
		found.Items = append(found.Items, newFileSystem(f))
	}
	found.Notes = slices.Concat(mounted.Notes, onDisk(l.Pod, found.Items))
	return found, nil
}

func newFileSystem(on inspect.FileSystem) FileSystem {
	m, c := on.Mount, on.Capacity
	f := FileSystem{
		PathText: output.NewPathText(m.Point), Type: m.Type, Source: m.Source, ReadOnly: m.ReadOnly, Volume: on.Volume,
		Size: c.Size, Used: c.Used, Available: c.Available, Inodes: c.Inodes, UsedInodes: c.UsedInodes,
		UsedPercent: percentOf(c.Used, c.Available), UsedInodesPercent: percentOf(c.UsedInodes, c.Inodes-c.UsedInodes),
	}
	if c.Err != nil {
		f.Error = c.Err.Error()
	}
	return f
}

// percentOf is how much of both is used, rounded up as df does.
func percentOf(used, free uint64) int {
	if used == 0 {
		return 0
	}
	return int(math.Ceil(100 * float64(used) / (float64(used) + float64(free))))
}

// onDisk says which sizes are those of a disk that others use too, and how to measure one.
func onDisk(pod string, list []FileSystem) []string {
	var names []string
	example := ""
	for _, f := range list {
		if f.Volume != nil && f.Volume.Kind == "emptyDir" && f.Volume.OnNode() {
			names = append(names, f.Volume.Name)
			if example == "" && cli.Pastable(f.Path) {
				example = "; to measure one: kubectl shareproc fs du " + pod + " " + f.Path + " --summarize"
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("emptyDir %s: the sizes are those of the node's disk%s", strings.Join(names, ", "), example)}
}
