// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

type changedOptions struct {
	files.Args
	maxDepth  int
	volumes   bool
	summary   bool
	noHeaders bool
}

// FileChange is a line of "fs changed -o json".
type FileChange struct {
	output.TypeMeta
	Pod string `json:"pod,omitempty"`
	output.PathText
	Change  proc.Change `json:"change"`
	Changed time.Time   `json:"changeTime"`
	files.File
}

// DirectoryChange is a line of "fs changed --summary -o json".
type DirectoryChange struct {
	output.TypeMeta
	Pod string `json:"pod,omitempty"`
	output.PathText
	// Files and Bytes are of what was changed in the directory itself, directories left out.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Entries says that something was added, removed or renamed in it.
	Entries bool      `json:"entries"`
	Newest  time.Time `json:"newestChangeTime"`
}

func newChangedCommand(deps *cli.Deps) *cobra.Command {
	opts := &changedOptions{}
	cmd := &cobra.Command{
		Use:   "changed POD [PID] [PATH]",
		Short: "List what was created or changed since the container started",
		Long: `List the files at and below PATH that were created or changed since the
container started, the newest last. Volumes are left out unless PATH is in one
or --volumes is given.

Use it to find what was edited by hand, downloaded or left behind in a running
container.

It goes by the time that the kernel sets at each change, which nobody can put
back. HOW says what was done:

  changed      created, or its content changed
  attributes   mode, owner, name or links changed, or its modification time was
               set, as by tar or cp -p
  entries      a directory in which something was added, removed or renamed:
               a deletion shows nowhere else

-o json prints one object per line (kind FileChange, or DirectoryChange with
--summary).`,
		Example: `  kubectl shareproc fs changed nginx
  kubectl shareproc fs changed nginx /etc
  kubectl shareproc fs changed nginx --summary`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if opts.maxDepth < 0 {
				return cli.Usage(cmd.CommandPath()+" --help", "--maxdepth %d: must not be negative", opts.maxDepth)
			}
			return runChanged(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddPods(cmd.Flags(), "Look into")
	flags := cmd.Flags()
	flags.IntVar(&opts.maxDepth, "maxdepth", 0, "How many levels below PATH to enter (0: all)")
	flags.BoolVar(&opts.volumes, "volumes", false, "Also enter the pod's volumes")
	flags.BoolVar(&opts.summary, "summary", false, "Print directories with the number and size of what was changed in them")
	flags.BoolVar(&opts.noHeaders, "no-headers", false, "Omit the header lines")
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

// runChanged prints what it has found of every pod together, in one table.
func runChanged(ctx context.Context, deps *cli.Deps, opts *changedOptions) error {
	var mu sync.Mutex
	var all []FileChange
	looked := 0
	err := files.EachPlace(ctx, deps, &opts.Args, func(ctx context.Context, in files.Place) error {
		found, err := changedIn(ctx, deps, opts, in)
		mu.Lock()
		defer mu.Unlock()
		// What could not be read takes nothing away from what was.
		if _, partly := errors.AsType[*rootfs.TreeError](err); err == nil || partly {
			all, looked = append(all, found...), looked+1
		}
		return err
	})
	if looked == 0 {
		return err
	}
	slices.SortStableFunc(all, func(a, b FileChange) int {
		return cmp.Or(cmp.Compare(len(a.Pod), len(b.Pod)), cmp.Compare(a.Pod, b.Pod), a.Changed.Compare(b.Changed), cmp.Compare(a.Path, b.Path))
	})
	if printed := printChanges(deps, opts, all); printed != nil {
		return printed
	}
	if slices.ContainsFunc(all, func(c FileChange) bool { return c.Change == proc.Entries }) {
		deps.Report.Say("what was deleted shows only as \"entries\" of its directory")
	}
	return err
}

// changedIn finds what was changed in one root.
func changedIn(ctx context.Context, deps *cli.Deps, opts *changedOptions, in files.Place) (found []FileChange, err error) {
	mounts, changes, err := sinceStart(ctx, deps, in)
	if err != nil {
		return nil, err
	}
	volumes := map[string]podspec.Volume{}
	if opts.volumes {
		volumes = podspec.VolumesOf(in.Target.Pod, in.Target.Container)
	}
	start := proc.Mount{}
	walk := rootfs.WalkOptions{TreeOptions: rootfs.TreeOptions{MaxDepth: opts.maxDepth, OneFileSystem: !opts.volumes}}
	_, err = in.Root.Walk(ctx, in.Path, walk, func(name string, e rootfs.Entry) error {
		s := e.Stat()
		on, known := proc.Mount{}, false
		if start.ID == "" { // the first is the start itself
			if start, known = proc.MountOf(mounts, name); !known {
				start.ID = "none"
			}
		}
		if s == nil {
			return nil
		}
		how, ok := changes.Of(name, e.IsDir(), s.Mtime, s.Changed())
		if !ok {
			return nil
		}
		if on, known = proc.MountOf(mounts, name); known && on.ID != start.ID && inspect.VolumeAt(volumes, on.Point) == nil {
			return nil
		}
		found = append(found, FileChange{
			TypeMeta: output.NewTypeMeta("FileChange"), Pod: in.Pod, PathText: output.NewPathText(name),
			Change: how, Changed: s.Changed(), File: files.NewFile(e.Name(), s),
		})
		return nil
	})
	return found, err
}

// sinceStart finds out when the container was started whose root is looked at, and says so.
func sinceStart(ctx context.Context, deps *cli.Deps, in files.Place) ([]proc.Mount, proc.Changes, error) {
	start, err := files.StartOf(ctx, in)
	if err != nil {
		return nil, proc.Changes{}, err
	}
	if start.ClockSet {
		deps.Report.Warn("note: the clock of the node was set since container %s was started: its start is known to a second only", start.Container)
	}
	at := "container " + start.Container
	if in.Pod != "" {
		at += " of pod/" + in.Pod
	}
	deps.Report.Say("changes since %s, when %s was started", start.Since.Local().Format("2006-01-02 15:04:05"), at)
	return start.Mounts, start.Changes, nil
}

// byDirectory adds up changes by the directory that they are in.
func byDirectory(all []FileChange) []DirectoryChange {
	var list []*DirectoryChange
	index := map[[2]string]*DirectoryChange{}
	at := func(c FileChange, directory string) *DirectoryChange {
		key := [2]string{c.Pod, directory}
		if index[key] == nil {
			index[key] = &DirectoryChange{TypeMeta: output.NewTypeMeta("DirectoryChange"), Pod: c.Pod, PathText: output.NewPathText(directory)}
			list = append(list, index[key])
		}
		d := index[key]
		if c.Changed.After(d.Newest) {
			d.Newest = c.Changed
		}
		return d
	}
	for _, c := range all {
		if c.Type == "directory" {
			d := at(c, c.Path)
			d.Entries = d.Entries || c.Change == proc.Entries
			continue
		}
		d := at(c, path.Dir(c.Path))
		d.Files++
		d.Bytes += c.Size
	}
	out := make([]DirectoryChange, len(list))
	for i, d := range list {
		out[i] = *d
	}
	slices.SortStableFunc(out, func(a, b DirectoryChange) int {
		return cmp.Or(cmp.Compare(len(a.Pod), len(b.Pod)), cmp.Compare(a.Pod, b.Pod), a.Newest.Compare(b.Newest))
	})
	return out
}
