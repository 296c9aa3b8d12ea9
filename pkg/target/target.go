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

// defaultContainer is kubectl's own annotation for the container that is meant when none is named.
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
	q, err := ref.parse()
	if err != nil {
		return Target{}, err
	}
	f := finder{client: client, namespace: namespace}
	w := workload{selector: q.selector, of: fmt.Sprintf(" with labels %q", ref.Selector)}
	switch {
	case q.selector != nil:
	case q.kind.get == nil:
		pod, err := f.pod(ctx, q.name)
		if err != nil {
			return Target{}, err
		}
		return pick(pod, ref.Container)
	default:
		if w, err = f.workload(ctx, q.kind, q.name); err != nil {
			return Target{}, err
		}
	}
	pods, err := f.pods(ctx, w)
	if err != nil {
		return Target{}, err
	}
	if say == nil {
		say = func(string, ...any) {}
	}
	return f.choose(w, pods, ref.Container, say)
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

// defaultOf is the container that is meant when none is named. An annotation that names none of the
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
