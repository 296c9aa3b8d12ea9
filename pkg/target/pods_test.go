// SPDX-License-Identifier: Apache-2.0

package target

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a pod can be like, as edits of a ready one.

func unready(p *corev1.Pod) { p.Status.Conditions = nil }

func deleted(p *corev1.Pod) {
	p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1e9, 0)}
	p.Finalizers = []string{"keep/it"} // the fake API server keeps no other
}

func evicted(p *corev1.Pod) {
	unready(p)
	p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
}

func unplaced(p *corev1.Pod) {
	p.Spec.NodeName, p.Status.ContainerStatuses = "", nil
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Reason: "Unschedulable", Message: "0/1 nodes are available"}}
}

func waitingFor(reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		unready(p)
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
}

func unstarted(p *corev1.Pod) {
	unready(p)
	p.Status.ContainerStatuses = nil
}

// initializing is a pod whose init container is in some state.
func initializing(s corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waitingFor("PodInitializing")(p)
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "setup", State: s}}
	}
}

func nowRunning() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func endedWith(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}
}

func renamed(p *corev1.Pod) {
	p.Spec.Containers[1].Name, p.Status.ContainerStatuses[1].Name = "sidecar", "sidecar"
}
