// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type duOptions struct {
	files.Args
	files.TreeFlags
	summarize bool
	apparent  bool
	bytes     bool
	nul       bool
	// shown is how deep the directories are that are printed; all of them count. 0 means all.
	shown int
}

// DiskUsage is a line of "fs du -o json".
type DiskUsage struct {
	output.TypeMeta
	output.PathText
	Bytes int64 `json:"bytes"`
}

func newDuCommand(deps *cli.Deps) *cobra.Command {
	opts := &duOptions{}
	cmd := &cobra.Command{
		Use:   "du POD [PID] [PATH]",
		Short: "Show disk usage by directory",
		Long: `Show the disk usage of the files at and below PATH, by directory, each with
everything below it. A file with several names counts once. --apparent-size
counts file sizes instead of blocks, so sparse files count in full. Volumes
count unless --xdev is given; kernel file systems (/proc, /sys) do not. -o json
prints one object per line (kind DiskUsage).

Use it when a disk fills up, to find the directory that fills it. Deleted files
that a process keeps open take space too: they are counted on stderr, for the
file systems that were measured.`,
		Example: `  kubectl shareproc fs du nginx /var --maxdepth 1
  kubectl shareproc fs du nginx / --xdev --summarize`,
		Args: orHelp(cli.PodFirst(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			if opts.nul && opts.JSON() {
				return cli.Usage(cmd.CommandPath()+" --help", "-0 and -o json are mutually exclusive")
			}
			// What is not printed counts all the same.
			opts.shown, opts.MaxDepth = opts.MaxDepth, 0
			return runDu(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	cmd.Flags().Lookup("maxdepth").Usage = "How many levels below PATH to print (0: all); deeper ones are still counted"
	cmd.Flags().BoolVarP(&opts.summarize, "summarize", "s", false, "Print only the total")
	addHuman(cmd, new(bool), "Print sizes in powers of 1024 (the default without --bytes)")
	cmd.Flags().BoolVar(&opts.apparent, "apparent-size", false, "Count file sizes instead of disk blocks")
	cmd.Flags().BoolVar(&opts.bytes, "bytes", false, "Print sizes in bytes")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Print unescaped paths, and end lines with NUL")
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

func runDu(ctx context.Context, deps *cli.Deps, opts *duOptions) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(r *session.Session, root *rootfs.Root) error {
		sum, err := measure(ctx, deps, root, opts)
		if _, partly := errors.AsType[*rootfs.TreeError](err); err != nil && !partly {
			return err
		}
		return errors.Join(err, noteDeleted(ctx, deps, r, root, sum.devices))
	})
}

// measure prints what is used. It returns the devices that it was on.
func measure(ctx context.Context, deps *cli.Deps, root *rootfs.Root, opts *duOptions) (sum *summer, err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	sum = &summer{opts: opts, out: out, seen: map[[2]uint64]bool{}, devices: map[uint64]bool{}}
	info, err := root.Walk(ctx, opts.Path(), rootfs.WalkOptions{TreeOptions: opts.Options()}, sum.add)
	if opts.Xdev && info.Stat != nil {
		sum.devices = map[uint64]bool{info.Dev: true} // what is mounted below is named only
	}
	if rest := sum.leave(0); rest != nil {
		return sum, rest
	}
	return sum, err
}

// noteDeleted says how much space deleted files take on the devices, of the processes in the container whose root was measured:
// volumes of other containers may be on the same disk.
func noteDeleted(ctx context.Context, deps *cli.Deps, r *session.Session, root *rootfs.Root, devices map[uint64]bool) error {
	host := process.On(root.Conn())
	list, err := host.Processes(ctx)
	if err != nil {
		return err
	}
	measured := slices.IndexFunc(list, func(p process.Process) bool { return p.PID == root.Process.PID })
	pids := []int{root.Process.PID}
	for _, p := range list {
		if measured >= 0 && p.PID != root.Process.PID && p.Cgroup == list[measured].Cgroup && !p.Helper {
			pids = append(pids, p.PID)
		}
	}
	readings, err := host.Inspect(ctx, pids, process.Descriptors)
	if err != nil {
		return err
	}
	d := proc.DeletedFiles(readings, devices)
	if d.Bytes == 0 {
		return nil
	}
	deps.Report.Warn("note: %s in %s held open by PID %s; kubectl shareproc lsof %s --deleted", output.HumanBytes(d.Bytes),
		output.Plural(d.Files, "deleted file", "deleted files"), pidsText(d.PIDs), r.Pod)
	return nil
}

// pidsNamed is how many processes are named.
const pidsNamed = 5

func pidsText(pids []int) string {
	var words []string
	for i, pid := range pids {
		if i == pidsNamed {
			words = append(words, fmt.Sprintf("%d more", len(pids)-i))
			break
		}
		words = append(words, strconv.Itoa(pid))
	}
	return strings.Join(words, ", ")
}

// A summer adds up a tree while it is walked: it holds the directories that are still open.
type summer struct {
	opts *duOptions
	out  *output.Lines
	open []openDirectory
	seen map[[2]uint64]bool // files with several names, by device and inode
	// devices are those that something is on.
	devices map[uint64]bool
}

type openDirectory struct {
	path  string
	bytes int64
}

func (s *summer) add(path string, e rootfs.Entry) error {
	depth := len(s.open)
	for depth > 0 && !strings.HasPrefix(path, strings.TrimSuffix(s.open[depth-1].path, "/")+"/") {
		depth--
	}
	if err := s.leave(depth); err != nil {
		return err
	}
	bytes := s.size(e)
	if e.IsDir() || depth == 0 {
		s.open = append(s.open, openDirectory{path, bytes})
		return nil
	}
	s.open[depth-1].bytes += bytes
	return nil
}

func (s *summer) size(e rootfs.Entry) int64 {
	stat := e.Stat()
	if stat == nil {
		return 0
	}
	s.devices[stat.Dev] = true
	if stat.Nlink > 1 && !e.IsDir() {
		id := [2]uint64{stat.Dev, stat.Ino}
		if s.seen[id] {
			return 0
		}
		s.seen[id] = true
	}
	if s.opts.apparent || stat.Blocks < 0 {
		return stat.Size
	}
	return stat.Blocks * 512
}

// leave prints the directories deeper than depth, the deepest first, and adds each to what it is in.
func (s *summer) leave(depth int) error {
	for len(s.open) > depth {
		last := len(s.open) - 1
		directory := s.open[last]
		s.open = s.open[:last]
		if last > 0 {
			s.open[last-1].bytes += directory.bytes
		}
		if last > 0 && (s.opts.summarize || s.opts.shown > 0 && last > s.opts.shown) {
			continue
		}
		if err := s.print(directory); err != nil {
			return err
		}
	}
	return nil
}

func (s *summer) print(directory openDirectory) error {
	if s.opts.JSON() {
		return s.out.Object(DiskUsage{output.NewTypeMeta("DiskUsage"), output.NewPathText(directory.path), directory.bytes})
	}
	size := output.HumanBytes(directory.bytes)
	if s.opts.bytes {
		size = strconv.FormatInt(directory.bytes, 10)
	}
	if err := s.out.Print(fmt.Sprintf("%-7s ", size)); err != nil {
		return err
	}
	return s.out.Path(directory.path, s.opts.nul)
}
