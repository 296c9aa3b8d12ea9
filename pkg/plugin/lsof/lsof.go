// SPDX-License-Identifier: Apache-2.0

// Package lsof is the command lsof, which lists the open files of a pod's processes, and frees deleted ones. It does not read
// texts of /proc: pkg/proc does.
package lsof

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

type options struct {
	inspect.Args
	deleted, summary bool
	truncate         string
	yes              bool
}

// NewCommand returns the command lsof.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "lsof POD [PID]",
		Short: "List the open files and sockets of a pod's processes",
		Long: `List the open files and sockets of a pod's processes.

Use it to find descriptors that leak (--summary), and files that are deleted and
still take space because a process has them open (--deleted).

Without PID, all processes of the container are listed. --truncate frees the
space of a deleted file without a restart: the file becomes empty, and the
process that writes it goes on. You are asked first. A file that still has a
name is never truncated.`,
		Example: `  kubectl shareproc lsof nginx

  # which kinds, how many, and what is the limit?
  kubectl shareproc lsof nginx --summary

  # what fills the disk and does not show in du?
  kubectl shareproc lsof nginx --deleted`,
		Args: cli.PodFirst(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			return run(cmd, deps, opts)
		},
	}
	opts.Add(cmd, "wide", "name")
	cmd.Flags().BoolVar(&opts.deleted, "deleted", false, "List only deleted files, the largest first")
	cmd.Flags().BoolVar(&opts.summary, "summary", false, "Count open files by process, type and directory, and print the limits")
	cmd.Flags().StringVar(&opts.truncate, "truncate", "", "Free the space of a deleted file: PID:FD, as --deleted lists them")
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Skip the confirmation of --truncate")
	return cmd
}

func run(cmd *cobra.Command, deps *cli.Deps, opts *options) error {
	ctx, help := cmd.Context(), cmd.CommandPath()+" --help"
	switch {
	case opts.truncate != "" && (opts.summary || opts.deleted || opts.PID != 0 || opts.Output != ""):
		return cli.Usage(help, "--truncate takes only a pod")
	case opts.truncate != "":
		return truncate(cmd, deps, opts)
	case opts.yes:
		return cli.Usage(help, "--yes requires --truncate")
	case opts.summary:
		return groups(opts).Run(ctx, deps, &opts.Args)
	}
	var listed []proc.OpenFile
	verb := inspect.Verb[proc.OpenFile, Summary]{
		Kind: "OpenFileList", Access: podspec.ReadRoot, Columns: columns(opts.deleted),
		Gather: func(ctx context.Context, l *inspect.Look) (inspect.Found[proc.OpenFile, Summary], error) {
			files, found, err := gather(ctx, l)
			found.Items = files
			if opts.deleted {
				found.Items, _ = proc.Deleted(files)
			}
			listed = found.Items
			return found, err
		},
		Name: func(f proc.OpenFile) string { return fmt.Sprintf("%d:%d", f.PID, f.FD) },
	}
	if opts.deleted {
		verb.Heading = func(list inspect.List[proc.OpenFile, Summary]) []string {
			n, s := len(list.Items), list.Summary
			if n == 0 {
				return nil
			}
			hold := map[bool]string{true: "holds", false: "hold"}[n == 1]
			return []string{fmt.Sprintf("%s in container %s of pod/%s %s %s", output.Plural(n, "deleted file", "deleted files"),
				list.Container, list.Pod, hold, output.HumanBytes(s.DeletedBytes))}
		}
	}
	err := verb.Run(ctx, deps, &opts.Args)
	if err == nil && opts.deleted && !output.IsDocument(opts.Output) {
		advise(deps, opts, listed)
	}
	return err
}

// A Summary is about all open files.
type Summary struct {
	Processes []proc.DescriptorUse `json:"processes"`
	// DeletedBytes is what files without a name take, each counted once.
	DeletedFiles int   `json:"deletedFiles"`
	DeletedBytes int64 `json:"deletedBytes"`
}

// gather reads the open files of the processes that are asked about, and the tables of their sockets.
func gather(ctx context.Context, l *inspect.Look) ([]proc.OpenFile, inspect.Found[proc.OpenFile, Summary], error) {
	var found inspect.Found[proc.OpenFile, Summary]
	what := []process.What{process.Descriptors, process.Text("limits")}
	readings, err := l.Host.Inspect(ctx, l.PIDs(), what...)
	if err != nil {
		return nil, found, err
	}
	sockets, notes, err := inspect.Sockets(ctx, l)
	if err != nil {
		return nil, found, err
	}
	files, denied := inspect.OpenFiles(l, readings, sockets)
	found.Notes = slices.Concat(notes, denied)
	use := &Summary{Processes: []proc.DescriptorUse{}}
	for _, p := range l.Processes {
		if n := count(files, p.PID); n > 0 {
			use.Processes = append(use.Processes, proc.UseOfDescriptors(p.PID, p.Name, n, readings.Of(p.PID, "limits").Text))
		}
	}
	list, bytes := proc.Deleted(files)
	use.DeletedFiles, use.DeletedBytes = len(list), bytes
	found.Summary = use
	return files, found, nil
}

func count(files []proc.OpenFile, pid int) (n int) {
	for i := range files {
		if files[i].PID == pid {
			n++
		}
	}
	return n
}

// advise says how to get the bytes of deleted files back, and how to free them.
func advise(deps *cli.Deps, opts *options, list []proc.OpenFile) {
	if len(list) == 0 {
		deps.Report.Say("no deleted files are open")
		return
	}
	f, pod := &list[0], opts.Pod
	if pod == "" {
		pod = "POD"
	}
	container := ""
	if opts.Container != "" {
		container = " -c " + opts.Container
	}
	deps.Report.Say("to save one: kubectl shareproc cp%s %s:/proc/%d/fd/%d recovered", container, pod, f.PID, f.FD)
	deps.Report.Say("to free one: kubectl shareproc lsof%s %s --truncate %d:%d", container, pod, f.PID, f.FD)
}

// groups is the command with --summary.
func groups(opts *options) inspect.Verb[proc.FileGroup, Summary] {
	return inspect.Verb[proc.FileGroup, Summary]{
		Kind: "OpenFileSummary", Access: podspec.ReadRoot,
		Gather: func(ctx context.Context, l *inspect.Look) (found inspect.Found[proc.FileGroup, Summary], err error) {
			files, all, err := gather(ctx, l)
			if opts.deleted {
				files, _ = proc.Deleted(files)
			}
			found.Items, found.Summary, found.Notes = proc.GroupFiles(files), all.Summary, all.Notes
			return found, err
		},
		Heading: func(list inspect.List[proc.FileGroup, Summary]) (lines []string) {
			// The process with the most comes first, and what hundreds of workers have is not listed.
			processes := slices.Clone(list.Summary.Processes)
			slices.SortStableFunc(processes, func(a, b proc.DescriptorUse) int { return b.Open - a.Open })
			for _, p := range processes[:min(len(processes), headingLines)] {
				lines = append(lines, fmt.Sprintf("PID %d (%s): %s open files", p.PID, p.Command, ofLimit(p)))
			}
			if more := len(processes) - headingLines; more > 0 {
				lines = append(lines, fmt.Sprintf("and %d more processes", more))
			}
			return lines
		},
		Columns: []inspect.Column[proc.FileGroup]{
			{Name: "COUNT", Of: func(g proc.FileGroup) string { return strconv.Itoa(g.Count) }},
			{Name: "PID", Of: func(g proc.FileGroup) string { return strconv.Itoa(g.PID) }},
			{Name: "COMMAND", Of: func(g proc.FileGroup) string { return g.Command }},
			{Name: "TYPE", Of: func(g proc.FileGroup) string { return g.Type }},
			{Name: "HELD", Of: func(g proc.FileGroup) string {
				if g.Type != proc.TypeFile && g.Type != proc.TypeMemory {
					return "-"
				}
				return output.HumanBytes(g.HeldBytes)
			}},
			{Name: "NAME", Of: func(g proc.FileGroup) string { return orDash(g.Name) + deletedMark(g.Deleted) }, Style: func(g proc.FileGroup) output.Style {
				return deletedStyle(g.Deleted)
			}},
		},
		Name: func(g proc.FileGroup) string {
			return strings.TrimSpace(fmt.Sprintf("%d %s %s", g.PID, g.Type, g.Name))
		},
	}
}

const headingLines = 5

func ofLimit(p proc.DescriptorUse) string {
	if p.Limit == nil {
		return strconv.Itoa(p.Open)
	}
	return fmt.Sprintf("%d of %d", p.Open, *p.Limit)
}

func deletedMark(deleted bool) string {
	if deleted {
		return " (deleted)"
	}
	return ""
}

func deletedStyle(deleted bool) output.Style {
	if deleted {
		return output.Yellow
	}
	return output.Plain
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
