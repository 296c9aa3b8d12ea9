// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// mirrorAnnotation is on the API's picture of a static pod. The API server accepts an ephemeral
// container for it and the kubelet, which reads the pod from a file, never starts it.
const mirrorAnnotation = corev1.MirrorPodAnnotationKey

// Shared tells whether every container of the pod sees every process of it: the pod shares its
// process namespace, or uses the node's.
func (t Target) Shared() bool {
	share := t.Pod.Spec.ShareProcessNamespace
	return t.Pod.Spec.HostPID || (share != nil && *share)
}

// Status is the container's status; nil when the kubelet has not said anything of it yet.
func (t Target) Status() *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{t.Pod.Status.ContainerStatuses, t.Pod.Status.InitContainerStatuses} {
		if i := slices.IndexFunc(list, func(c corev1.ContainerStatus) bool { return c.Name == t.Container }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// ContainerID is the runtime's id of the target container, without the scheme
// ("containerd://"); "" while it has none.
func (t Target) ContainerID() string {
	if st := t.Status(); st != nil {
		return bareID(st.ContainerID)
	}
	return ""
}

func bareID(id string) string {
	_, bare, _ := strings.Cut(id, "://")
	return bare
}

// ContainerOf names the container whose runtime id stands in text (a /proc/PID/cgroup), ephemeral ones
// included; "" when it is none of the pod's, as for the pause process.
func (t Target) ContainerOf(text string) string {
	st := &t.Pod.Status
	for _, list := range [][]corev1.ContainerStatus{st.ContainerStatuses, st.InitContainerStatuses, st.EphemeralContainerStatuses} {
		for i := range list {
			if id := bareID(list[i].ContainerID); id != "" && strings.Contains(text, id) {
				return list[i].Name
			}
		}
	}
	return ""
}

// CheckCopyable says why nothing can be copied from the pod, or nil.
func (t Target) CheckCopyable() error {
	if t.Pod.DeletionTimestamp != nil {
		return fmt.Errorf("use pod/%s: it is being deleted", t.Pod.Name)
	}
	return nil
}

// CheckRunning says why there is no running container to look at, or nil.
func (t Target) CheckRunning() error {
	pod := t.Pod
	name := pod.Name
	switch {
	case pod.DeletionTimestamp != nil:
		return fmt.Errorf("use pod/%s: it is being deleted", name)
	case pod.Annotations[mirrorAnnotation] != "":
		return hint.With(fmt.Errorf("use pod/%s: it is a static pod, which the kubelet reads from a file: "+
			"the API server would accept a helper and nothing would ever start it", name),
			fmt.Sprintf("kubectl shareproc debug %s --copy", name))
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return hint.With(fmt.Errorf("use pod/%s: it has finished (phase %s), no process is left", name, pod.Status.Phase),
			fmt.Sprintf("kubectl shareproc debug %s --copy, or kubectl logs %s", name, name))
	case pod.Spec.NodeName == "":
		return hint.With(fmt.Errorf("use pod/%s: it is pending: %s", name, unscheduled(pod)),
			fmt.Sprintf("kubectl describe pod %s", name))
	}
	st := t.Status()
	switch {
	case st == nil:
		return t.notRunning("the kubelet has not started it yet")
	case st.State.Running != nil:
		return nil
	case st.State.Waiting != nil:
		return t.notRunning(strings.TrimSuffix("it waits: "+st.State.Waiting.Reason+": "+st.State.Waiting.Message, ": "))
	case st.State.Terminated != nil:
		return t.notRunning(fmt.Sprintf("it has ended: %s, exit code %d", st.State.Terminated.Reason, st.State.Terminated.ExitCode))
	}
	return t.notRunning("the kubelet does not say why")
}

func (t Target) notRunning(why string) error {
	return hint.With(fmt.Errorf("use container %s of pod/%s: it is not running: %s", t.Container, t.Pod.Name, why),
		fmt.Sprintf("kubectl shareproc debug %s --copy, or another container with -c (%s)",
			t.Pod.Name, strings.Join(Containers(t.Pod), ", ")))
}

func unscheduled(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Message != "" {
			return c.Message
		}
	}
	return "it has no node yet"
}
