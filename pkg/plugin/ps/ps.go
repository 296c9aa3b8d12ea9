// SPDX-License-Identifier: Apache-2.0

// Package ps is the command ps, which lists processes. It does not read /proc: pkg/remote does.
package ps

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type psOptions struct {
	cli.HelperFlags
	pod       string
	all       bool
	noHeaders bool
	output    string
}

// ProcessList is what "ps -o json" prints.
type ProcessList struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	// View is the container whose process namespace the PIDs are of; "" for the pod's.
	View  string            `json:"processNamespaceOf,omitempty"`
	Items []session.Process `json:"items"`
}

// NewCommand returns the command ps.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &psOptions{}
	cmd := &cobra.Command{
		Use:   "ps POD",
		Short: "List the processes of a pod, by container",
		Long: `List the processes of a pod, by container.

Use it to see what runs and to get the PIDs that fs, cp and signal take.

If the pod does not share its process namespace, only the processes of one
container (-c) are listed, with the PIDs that they have there. User names come
from the container's own /etc/passwd. The helper's own processes are hidden
unless -a is given.`,
		Example: `  kubectl shareproc ps nginx
  kubectl shareproc ps nginx -c sidecar -o wide

  # print only the PIDs
  kubectl shareproc ps nginx -o name`,
		Args: cli.PodFirst(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pod = cli.WithPod(cmd, args)[0]
			if err := opts.Validate(cmd); err != nil {
				return err
			}
			if err := cli.CheckOutput(cmd, opts.output, "wide", "name"); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cmd.Flags().BoolVarP(&opts.all, "all", "a", false, "Include the helper's own processes")
	cmd.Flags().BoolVar(&opts.noHeaders, "no-headers", false, "Omit the header lines")
	cli.AddOutput(cmd, &opts.output, "wide", "name")
	return cmd
}

func run(ctx context.Context, deps *cli.Deps, opts *psOptions) (err error) {
	s, err := cli.Open(ctx, deps, opts.pod, &opts.HelperFlags, session.Request{Access: podspec.SeeProcesses}, 0)
	if err != nil {
		return err
	}
	defer s.CloseInto(ctx, &err)
	return ps(ctx, deps, s, opts)
}

func ps(ctx context.Context, deps *cli.Deps, r *session.Session, opts *psOptions) error {
	processes, err := r.Processes(ctx)
	if err != nil {
		return err
	}
	if !opts.all {
		processes = slices.DeleteFunc(processes, func(p session.Process) bool { return strings.HasPrefix(p.Container, podspec.NamePrefix) })
	}
	list := ProcessList{
		TypeMeta: output.NewTypeMeta("ProcessList"), Namespace: r.Namespace, Pod: r.Pod,
		View: r.View.Container, Items: processes,
	}
	switch {
	case output.IsDocument(opts.output):
		return output.PrintList(deps.Streams.Out, opts.output, list, !opts.noHeaders)
	case opts.output == "name":
		for _, p := range processes {
			if _, err := fmt.Fprintln(deps.Streams.Out, p.PID); err != nil {
				return err
			}
		}
		return nil
	default:
		outside := "(pod)"
		if r.Target.Pod.Spec.HostPID {
			outside = "-" // most of them are the node's
		}
		return printProcesses(deps, list, outside, opts)
	}
}

// printProcesses prints the table. outside stands for the container of processes that are in none of the pod's.
func printProcesses(deps *cli.Deps, list ProcessList, outside string, opts *psOptions) error {
	wide := opts.output == "wide"
	var rows [][]string
	if !opts.noHeaders {
		if list.View != "" {
			fmt.Fprintf(deps.Streams.Out, "container %s in pod/%s (its own process namespace)\n", list.View, list.Pod)
		}
		rows = append(rows, psRow(wide, "PID", "USER", "CONTAINER", "RSS", "START", "COMMAND", "PPID", "STATE", "THREADS", "UID:GID", "FILES"))
	}
	slices.SortStableFunc(list.Items, func(a, b session.Process) int { return cmp.Compare(a.PID, b.PID) })
	now := time.Now()
	for _, p := range list.Items {
		files := "yes"
		if !p.RootReadable {
			files = "denied"
		}
		rows = append(rows, psRow(wide, strconv.Itoa(p.PID), userName(p), cmp.Or(p.Container, outside), output.HumanBytes(p.RSS), started(p.Start, now), command(p),
			strconv.Itoa(p.PPID), p.State, strconv.Itoa(p.Threads), fmt.Sprintf("%d:%d", p.UID, p.GID), files))
	}
	return deps.Report.Table(deps.Streams.Out, rows, output.ByWord(rows, filesColumn, map[string]output.Style{"denied": output.Red}))
}

// filesColumn is the one before the command in -o wide.
const filesColumn = 9

// psRow puts what only -o wide shows before the command, which may be long.
func psRow(wide bool, pid, user, container, rss, start, command string, more ...string) []string {
	row := []string{pid, user, container, rss, start}
	if wide {
		row = append(row, more...)
	}
	return append(row, command)
}

func userName(p session.Process) string {
	if p.User != "" {
		return remote.Escape(p.User)
	}
	return strconv.FormatUint(uint64(p.UID), 10)
}

// started gives a time of the last day as such, and a date otherwise, as ps does.
func started(t, now time.Time) string {
	if now.Sub(t) < 24*time.Hour {
		return t.Local().Format("15:04:05")
	}
	return t.Local().Format("2006-01-02")
}

// command is the command line; in brackets the name of a process that has none (proc(5), cmdline).
func command(p session.Process) string {
	if len(p.Args) == 0 {
		return "[" + remote.Escape(p.Name) + "]"
	}
	return remote.Escape(strings.Join(p.Args, " "))
}
