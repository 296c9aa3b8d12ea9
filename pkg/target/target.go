// SPDX-License-Identifier: Apache-2.0

// Package target answers "which pod, which container?": from what the user typed (a pod, a workload, a selector) to a
// pod and one of its containers, whether it runs, and which requests that takes. It only reads: it starts nothing, and does not choose how to get in.
package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Target is a container of a pod, as the API server last described it.
type Target struct {
	Pod       *corev1.Pod
	Container string
}

// defaultContainer is the annotation that kubectl reads for the default container.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// Resolve finds the pod that ref means and picks the container: the one named, else the one that the
// pod's default-container annotation names, else the first. A pod that is named costs one request; a
// workload costs one for itself (a cron job, two) and one for its pods, labels one. Of several pods it
// takes the newest that is ready, else the newest whose container runs, and tells say which one; say may
// be nil.
//
// A pod that is named is taken as it is: CheckRunning looks whether the container runs. Errors, with
// advice: what Validate finds; nothing of that name; no pods, or none that runs, and why; no such
// container; what the API server refuses, with the rule to add.
func Resolve(ctx context.Context, client kubernetes.Interface, namespace string, ref Ref, say func(format string, args ...any)) (Target, error) {
	f := finder{client: client, namespace: namespace}
	named, w, pods, err := f.find(ctx, ref)
	if err != nil {
		return Target{}, err
	}
	if named != nil {
		return pick(named, ref.Container)
	}
	if say == nil {
		say = func(string, ...any) {}
	}
	return f.choose(w, pods, ref.Container, say)
}

// ResolveAll finds every pod that ref means and that may run, ordered by name. The requests and the errors are those of
// Resolve.
func ResolveAll(ctx context.Context, client kubernetes.Interface, namespace string, ref Ref) ([]Target, error) {
	f := finder{client: client, namespace: namespace}
	named, w, pods, err := f.find(ctx, ref)
	switch {
	case err != nil:
		return nil, err
	case named != nil:
		t, err := pick(named, ref.Container)
		return []Target{t}, err
	case len(pods) == 0:
		return nil, f.noPods(w)
	}
	var all []Target
	var candidates []candidate
	for i := range pods {
		c := evaluate(&pods[i], ref.Container)
		candidates = append(candidates, c)
		if c.lacks == nil && !c.Terminating() && !Finished(c.Pod) {
			all = append(all, c.Target)
		}
	}
	if len(all) == 0 {
		return nil, f.noneUsable(w, candidates)
	}
	slices.SortFunc(all, func(a, b Target) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	return all, nil
}

// find finds the pod that is named, or else a workload and its pods.
func (f finder) find(ctx context.Context, ref Ref) (named *corev1.Pod, w workload, pods []corev1.Pod, err error) {
	q, err := ref.parse()
	if err != nil {
		return nil, w, nil, err
	}
	w = workload{selector: q.selector, of: fmt.Sprintf(" with labels %q", ref.Selector)}
	switch {
	case q.selector != nil:
	case q.kind.get == nil:
		named, err = f.pod(ctx, q.name)
		return named, w, nil, err
	default:
		if w, err = f.workload(ctx, q.kind, q.name); err != nil {
			return nil, w, nil, err
		}
	}
	pods, err = f.pods(ctx, w)
	return nil, w, pods, err
}

func pick(pod *corev1.Pod, container string) (Target, error) {
	names := Containers(pod)
	if container == "" {
		return Target{Pod: pod, Container: defaultOf(pod)}, nil
	}
	if slices.Contains(names, container) {
		return Target{Pod: pod, Container: container}, nil
	}
	err := fmt.Errorf("container %q not found in pod/%s", container, pod.Name)
	if slices.ContainsFunc(pod.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == container }) {
		err = fmt.Errorf("container %s is an ephemeral container in pod/%s, which no helper can join", container, pod.Name)
	}
	return Target{}, hint.With(err, "use -c with one of: "+strings.Join(names, ", "))
}

// defaultOf is the container to use if none is named. An annotation that names none of the
// pod's is taken for a leftover.
func defaultOf(pod *corev1.Pod) string {
	if name := pod.Annotations[defaultContainer]; slices.Contains(Containers(pod), name) {
		return name
	}
	return pod.Spec.Containers[0].Name
}

// Containers lists the names that -c can take: containers first, then init containers.
func Containers(pod *corev1.Pod) []string {
	var names []string
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			names = append(names, list[i].Name)
		}
	}
	return names
}
