// SPDX-License-Identifier: Apache-2.0

// Package pick has a person at a terminal pick the pod that a command line does not name: those in trouble come first. In a script
// nothing is picked.
package pick

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// Allowed takes no argument at all where a pod can be picked instead, and else what check takes.
func Allowed(deps *cli.Deps, check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if wanted(deps, cmd, args) {
			return nil
		}
		return check(cmd, args)
	}
}

// wanted reports whether a pod is to be picked: none is named, and there is somebody to pick.
func wanted(deps *cli.Deps, cmd *cobra.Command, args []string) bool {
	selector, output := cmd.Flags().Lookup("selector"), cmd.Flags().Lookup("output")
	if len(args) > 0 || cmd.ArgsLenAtDash() >= 0 || selector != nil && selector.Changed || output != nil && output.Changed {
		return false
	}
	t := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut)
	return t.InputIsTerminal() && t.OutputIsTerminal()
}

// Pod gives the arguments of a command, with the pod that was picked where there are none.
func Pod(cmd *cobra.Command, deps *cli.Deps, args []string) ([]string, error) {
	if !wanted(deps, cmd, args) {
		return args, nil
	}
	ctx := cmd.Context()
	namespace, err := cli.Namespace(deps)
	if err != nil {
		return nil, err
	}
	list, err := Pods(ctx, deps, namespace)
	if err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, hint.With(fmt.Errorf("namespace %s has no pods", namespace), "use -n NAMESPACE")
	}
	m := &model{namespace: namespace, pods: Rows(list.Items, deps.Now()), colored: deps.Report.Colored(deps.Streams.Out)}
	if list.Continue != "" {
		m.note = fmt.Sprintf("the first %d pods only", len(list.Items))
	}
	m.arrange()
	return m.ask(ctx, deps)
}

// mostPods is how many pods are asked for.
const mostPods = 2000

// Pods lists those of a namespace: as many as are shown.
func Pods(ctx context.Context, deps *cli.Deps, namespace string) (*corev1.PodList, error) {
	client, err := deps.Client()
	if err != nil {
		return nil, err
	}
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: mostPods})
	if err != nil {
		return nil, fmt.Errorf("list pods in namespace %s: %w", namespace, err)
	}
	return list, nil
}

// ask shows the pods until one is picked. Who picks none has the command end as after Ctrl-C.
func (m *model) ask(ctx context.Context, deps *cli.Deps) ([]string, error) {
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(deps.Streams.In), tea.WithOutput(deps.Streams.Out), tea.WithoutSignalHandler())
	_, err := p.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("show the pods: %w", err)
	case m.picked == "":
		return nil, cli.CommandExit{Code: cli.ExitInterrupted}
	}
	return []string{"pod/" + m.picked}, nil
}

// A Row is a line of the list.
type Row struct {
	Name, Status string
	ready, age   string
	restarts     int32
	trouble      int // the lower the worse
}

// Unknown is a pod of which only the name is known.
func Unknown(name string) Row { return Row{Name: name, trouble: well} }

// Note says what is wrong with it, "" for nothing.
func (p Row) Note() string {
	switch p.trouble {
	case well:
		return ""
	case restarted:
		return output.Plural(int(p.restarts), "restart", "restarts")
	case failing:
		if p.Status == string(corev1.PodRunning) {
			return "not ready"
		}
	}
	return p.Status
}

// Style is how bad it is, as a color.
func (p Row) Style() output.Style {
	switch {
	case p.trouble == crashing:
		return output.Red
	case p.trouble < well:
		return output.Yellow
	}
	return output.Plain
}

// How bad it is.
const (
	crashing = iota
	failing
	restarted
	well
	over
)

// Rows describes pods, those in trouble first.
func Rows(items []corev1.Pod, now time.Time) []Row {
	list := make([]Row, 0, len(items))
	for i := range items {
		list = append(list, describe(&items[i], now))
	}
	slices.SortStableFunc(list, func(a, b Row) int { return cmp.Or(cmp.Compare(a.trouble, b.trouble), strings.Compare(a.Name, b.Name)) })
	return list
}

// describe is what kubectl get pods says of one.
func describe(p *corev1.Pod, now time.Time) Row {
	out := Row{Name: p.Name, Status: cmp.Or(p.Status.Reason, string(p.Status.Phase)), trouble: well}
	ready, all := 0, len(p.Spec.Containers)
	for _, c := range p.Status.ContainerStatuses {
		out.restarts += c.RestartCount
		if c.Ready {
			ready++
		}
		if waiting := c.State.Waiting; waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" {
			out.Status, out.trouble = waiting.Reason, crashing
		}
		if ended := c.State.Terminated; ended != nil && p.Status.Phase == corev1.PodRunning {
			out.Status, out.trouble = cmp.Or(ended.Reason, "Terminated"), min(out.trouble, failing)
		}
	}
	switch {
	case p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed:
		out.trouble = over
	case ready < all:
		out.trouble = min(out.trouble, failing)
	case out.restarts > 0:
		out.trouble = min(out.trouble, restarted)
	}
	if p.DeletionTimestamp != nil {
		out.Status = "Terminating"
	}
	out.ready, out.age = fmt.Sprintf("%d/%d", ready, all), duration.HumanDuration(now.Sub(p.CreationTimestamp.Time))
	return out
}
