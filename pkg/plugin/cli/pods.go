// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// PodsFlags ask for every pod of a workload, Parallel of them at once.
type PodsFlags struct {
	AllPods  bool
	Parallel int
}

// DefaultParallel is how many pods are worked on at once.
const DefaultParallel = 10

// AddPods adds the flags. what says what is done to a pod.
func (p *PodsFlags) AddPods(flags *pflag.FlagSet, what string) {
	flags.BoolVar(&p.AllPods, "all-pods", false, what+" every pod of the workload, or every pod that --selector selects, instead of the newest ready one")
	flags.IntVar(&p.Parallel, "parallel", DefaultParallel, "How many pods to work on at once with --all-pods")
	GroupRare(flags, "", "parallel")
}

// CheckPods refuses a number without a meaning.
func (p *PodsFlags) CheckPods(cmd *cobra.Command) error {
	if p.AllPods && p.Parallel < 1 {
		return Usage(cmd.CommandPath()+" --help", "--parallel %d: must be at least 1", p.Parallel)
	}
	return nil
}

// EachPod calls do with every pod that is meant, some of them at once. What fails is said with its pod, and the others go on; the
// error then counts them.
func EachPod(ctx context.Context, deps *Deps, h *HelperFlags, ref target.Ref, parallel int, do func(context.Context, target.Target) error) error {
	d, err := SessionDeps(deps, h, 0)
	if err != nil {
		return err
	}
	namespace, err := Namespace(deps)
	if err != nil {
		return err
	}
	if err := ref.Validate(); err != nil {
		return AsUsage(err)
	}
	targets, err := target.ResolveAll(ctx, d.Client, namespace, ref)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failed []error
	group := crash.NewGroup(ctx)
	free := make(chan struct{}, parallel)
	for _, t := range targets {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			group.Wait()
			return context.Cause(ctx)
		}
		group.Go(func() {
			defer func() { <-free }()
			err := do(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && ctx.Err() == nil {
				failed = append(failed, err)
				if len(targets) > 1 {
					deps.Report.Warn("error: pod/%s: %v", t.Pod.Name, err)
				}
			}
		})
	}
	group.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(failed) == 1 && len(targets) == 1:
		return failed[0]
	case len(failed) > 0:
		return fmt.Errorf("%d of %s failed", len(failed), output.Plural(len(targets), "pod", "pods"))
	}
	return nil
}
