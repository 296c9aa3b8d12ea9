// SPDX-License-Identifier: Apache-2.0

// Package ps is the command ps, which lists processes. It does not read /proc: pkg/remote/process does.
package ps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type psOptions struct {
	inspect.Args
	all, allContainers, tree bool
	sortBy                   string
	interval                 time.Duration
}

// ProcessList is what "ps -o json" prints.
type ProcessList struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	// View is the container whose process namespace the PIDs are of; "" for the pod's, and for those of several.
	View  string            `json:"processNamespaceOf,omitempty"`
	Items []inspect.Process `json:"items"`

	hostPID  bool
	branches []string // of the tree, one for each of Items
}

// lists is the document of --all-pods.
type lists struct {
	output.TypeMeta
	Items []ProcessList `json:"items"`
}

// NewCommand returns the command ps.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &psOptions{}
	cmd := &cobra.Command{
		Use:   "ps POD",
		Short: "List the processes of a pod, by container",
		Long: `List the processes of a pod, by container.

Use it to see what runs and what uses the CPU, and to get the PIDs that the
other commands take.

%CPU is measured for a second: 100 is one processor. With --interval 0 it is
the average since the process started, and nothing is waited for.

If the pod does not share its process namespace, only the processes of one
container (-c) are listed, with the PIDs that they have there; -A asks about
each container, with a helper for each. User names come from the container's
own /etc/passwd. The helper's own processes are hidden unless -a is given.`,
		Example: `  kubectl shareproc ps nginx
  kubectl shareproc ps nginx -c sidecar -o wide

  # what uses most memory, in every pod of a deployment
  kubectl shareproc ps deploy/web --all-pods --sort-by memory

  # print only the PIDs
  kubectl shareproc ps nginx -o name`,
		Args: cli.PodFirst(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, false)
	cmd.Flags().BoolVarP(&opts.all, "all", "a", false, "Include the helper's own processes")
	cmd.Flags().BoolVarP(&opts.allContainers, "all-containers", "A", false, "List the processes of all containers, with a helper in each process namespace")
	cmd.Flags().BoolVar(&opts.tree, "tree", false, "Print processes below their parents")
	inspect.AddSort(cmd, &opts.sortBy, "pid")
	inspect.AddInterval(cmd, &opts.interval, "the average since each process started")
	return cmd
}

func (o *psOptions) parse(cmd *cobra.Command, args []string) error {
	if err := o.Parse(cmd, args); err != nil {
		return err
	}
	help := cmd.CommandPath() + " --help"
	switch {
	case o.allContainers && o.Container != "":
		return cli.Usage(help, "--all-containers and --container are mutually exclusive")
	case o.tree && o.Output != "" && o.Output != "wide":
		return cli.Usage(help, "--tree and -o %s are mutually exclusive", o.Output)
	}
	return inspect.CheckUsage(cmd, o.sortBy, o.interval)
}

func run(ctx context.Context, deps *cli.Deps, opts *psOptions) error {
	if !opts.AllPods {
		t, err := opts.Resolve(ctx, deps)
		if err != nil {
			return err
		}
		list, err := look(ctx, deps, opts, t)
		if list == nil {
			return err
		}
		return errors.Join(show(deps, opts, []ProcessList{*list}), err)
	}
	var mu sync.Mutex
	all := []ProcessList{}
	err := inspect.EachPod(ctx, deps, &opts.Args, func(ctx context.Context, t target.Target) error {
		list, err := look(ctx, deps, opts, t)
		if list != nil {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, *list)
		}
		return err
	})
	if len(all) == 0 {
		return err
	}
	slices.SortFunc(all, func(a, b ProcessList) int { return inspect.CompareNames(a.Pod, b.Pod) })
	return errors.Join(show(deps, opts, all), err)
}

// look lists the processes of a pod. A container that can't be looked into does not keep the others from the list.
func look(ctx context.Context, deps *cli.Deps, opts *psOptions, t target.Target) (*ProcessList, error) {
	list := &ProcessList{TypeMeta: output.NewTypeMeta("ProcessList"), Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Items: []inspect.Process{}}
	containers := []string{t.Container}
	if opts.allContainers && !t.Shared() {
		containers = target.Containers(t.Pod)
	}
	var failed []error
	for _, name := range containers {
		t.Container = name
		if err := list.add(ctx, deps, opts, t); err != nil {
			failed = append(failed, err)
			if len(containers) > 1 && ctx.Err() == nil {
				deps.Report.Warn("error: container %s of pod/%s: %v", name, t.Pod.Name, err)
			}
		}
	}
	switch {
	case len(failed) == len(containers):
		return nil, failed[0]
	case len(failed) > 0:
		return list, fmt.Errorf("%d of %s failed", len(failed), output.Plural(len(containers), "container", "containers"))
	}
	if len(containers) > 1 {
		list.View = ""
	}
	return list, nil
}

// add adds the processes that are seen beside a container.
func (l *ProcessList) add(ctx context.Context, deps *cli.Deps, opts *psOptions, t target.Target) (err error) {
	see, err := inspect.Open(ctx, deps, &opts.Args, t, podspec.SeeProcesses)
	if err != nil {
		return err
	}
	defer see.Close(ctx, &err)
	processes := see.All
	if !opts.all {
		processes = slices.DeleteFunc(slices.Clone(processes), func(p session.Process) bool { return strings.HasPrefix(p.Container, podspec.NamePrefix) })
	}
	meter := inspect.Meter{Host: see.Host}
	// Names are there without measuring, unless what is measured is their order.
	if opts.interval > 0 && (opts.Output != "name" || opts.sortBy == "cpu") {
		if _, err := meter.Read(ctx, processes); err != nil {
			return err
		}
		if err := inspect.Wait(ctx, opts.interval); err != nil {
			return err
		}
	}
	measured, err := meter.Read(ctx, processes)
	if err != nil {
		return err
	}
	inspect.Sort(measured, opts.sortBy)
	branches := make([]string, len(measured))
	if opts.tree {
		measured, branches = tree(measured)
	}
	l.View, l.Pod, l.hostPID = see.View.Container, see.Pod, see.Target.Pod.Spec.HostPID
	l.Items, l.branches = append(l.Items, measured...), append(l.branches, branches...)
	if denied := inspect.DeniedFiles(measured); denied != "" && (opts.Output == "wide" || opts.sortBy == "fds") {
		deps.Report.Warn("note: pod/%s: %s", l.Pod, denied)
	}
	return nil
}
