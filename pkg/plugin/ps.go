// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type psOptions struct {
	helperFlags
	pod       string
	all       bool
	noHeaders bool
	output    string
}

// process is remote.Process with what only the cluster knows.
type process struct {
	remote.Process
	// Container is the name of the process's container, "" for the pod's own (pause) process.
	Container string `json:"container"`
}

// processList is what "ps -o json" prints.
type processList struct {
	typeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	// View is the container whose process namespace the PIDs are of; "" for the pod's.
	View  string    `json:"processNamespaceOf,omitempty"`
	Items []process `json:"items"`
}

func newPSCmd(f *Factory, run func(context.Context, *Factory, *psOptions) error) *cobra.Command {
	opts := &psOptions{}
	cmd := &cobra.Command{
		Use:   "ps POD",
		Short: "List the processes of a pod, by container",
		Long: `List the processes of a pod, by container.

Use it to see what runs and to get the PIDs that fs, cp and signal take.

Where the pod does not share its process namespace, those of one container are listed
(-c), with the PIDs that they have there. Users are named as the container's own
/etc/passwd names them. The helper's own processes are left out; -a shows them too.`,
		Example: `  kubectl shareproc ps nginx
  kubectl shareproc ps nginx -c sidecar -o wide

  # the PIDs alone
  kubectl shareproc ps nginx -o name`,
		Args: podFirst(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pod = withPod(cmd, args)[0]
			if err := opts.validate(cmd); err != nil {
				return err
			}
			if err := checkOutput(cmd, opts.output, "wide", "name"); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.Flags().BoolVarP(&opts.all, "all", "a", false, "Include the helper's own processes")
	cmd.Flags().BoolVar(&opts.noHeaders, "no-headers", false, "Print no header lines")
	addOutput(cmd, &opts.output, "wide", "name")
	return cmd
}

func runPS(ctx context.Context, f *Factory, opts *psOptions) error {
	want := session.Wanted{Need: podspec.SeeProcesses}
	return f.use(ctx, opts.pod, &opts.helperFlags, want, func(r *room) error { return f.ps(ctx, r, opts) })
}

func (f *Factory) ps(ctx context.Context, r *room, opts *psOptions) error {
	processes, err := r.processes(ctx)
	if err != nil {
		return err
	}
	if !opts.all {
		processes = slices.DeleteFunc(processes, func(p process) bool { return strings.HasPrefix(p.Container, podspec.NamePrefix) })
	}
	list := processList{
		typeMeta: kind("ProcessList"), Namespace: r.session.Namespace, Pod: r.session.Pod,
		View: r.session.View.Container, Items: processes,
	}
	switch {
	case isDocument(opts.output):
		return printList(f.Streams.Out, opts.output, list, !opts.noHeaders)
	case opts.output == "name":
		for _, p := range processes {
			if _, err := fmt.Fprintln(f.Streams.Out, p.PID); err != nil {
				return err
			}
		}
		return nil
	default:
		outside := "(pod)"
		if r.target.Pod.Spec.HostPID {
			outside = "-" // most of them are the node's
		}
		return f.printProcesses(list, outside, opts)
	}
}

// processes lists the processes that the session sees, with their containers. A helper that joined the
// process namespace of one container sees that container's processes and helpers' only.
func (r *room) processes(ctx context.Context) ([]process, error) {
	found, err := remote.Processes(ctx, r)
	if err != nil {
		return nil, err
	}
	list := make([]process, len(found))
	for i, p := range found {
		list[i] = process{Process: p, Container: r.containerOf(p)}
	}
	return list, nil
}

// containerOf names a process's container. A helper that was started since the pod was read has no id
// there yet, so its processes are known by the root they share with the script that asks.
func (r *room) containerOf(p remote.Process) string {
	if name := r.target.ContainerOf(p.Cgroup); name != "" {
		return name
	}
	switch {
	case p.Helper:
		return r.session.Container
	case !r.session.View.Pod():
		return r.session.View.Container
	default:
		return ""
	}
}

// printProcesses prints the table. outside stands for the container of processes that are in none of the pod's.
func (f *Factory) printProcesses(list processList, outside string, opts *psOptions) error {
	wide := opts.output == "wide"
	var rows [][]string
	if !opts.noHeaders {
		if list.View != "" {
			fmt.Fprintf(f.Streams.Out, "container %s of pod/%s (its own process namespace)\n", list.View, list.Pod)
		}
		rows = append(rows, psRow(wide, "PID", "USER", "CONTAINER", "RSS", "START", "COMMAND", "PPID", "STATE", "THREADS", "UID:GID", "FILES"))
	}
	slices.SortStableFunc(list.Items, func(a, b process) int { return cmp.Compare(a.PID, b.PID) })
	now := time.Now()
	for _, p := range list.Items {
		files := "yes"
		if !p.RootReadable {
			files = "denied"
		}
		rows = append(rows, psRow(wide, strconv.Itoa(p.PID), userName(p), cmp.Or(p.Container, outside), humanBytes(p.RSS), started(p.Start, now), command(p),
			strconv.Itoa(p.PPID), p.State, strconv.Itoa(p.Threads), fmt.Sprintf("%d:%d", p.UID, p.GID), files))
	}
	return f.Report.Table(f.Streams.Out, rows, byWord(rows, filesColumn, map[string]style{"denied": red}))
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

func userName(p process) string {
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
func command(p process) string {
	if len(p.Args) == 0 {
		return "[" + remote.Escape(p.Name) + "]"
	}
	return remote.Escape(strings.Join(p.Args, " "))
}
