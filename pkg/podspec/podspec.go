// SPDX-License-Identifier: Apache-2.0

// Package podspec answers "what would the pod look like?": the helper container with the programs that wait in it, its
// security contexts in the order in which they are tried, the copy of a pod, the patch of a template, and the risks of a copy.
//
// All of it is pure: it knows no client, no context and no terminal, sends nothing and runs nothing; pkg/session sends what it returns.
package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Marks of objects that this plugin created, written in the same request.
const (
	// LabelManagedBy has the value ManagedBy on every pod that this tool creates.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "kubectl-shareproc"
	// AnnotationCopyOf names the pod that a copy was made of.
	AnnotationCopyOf = "kubectl-shareproc/copy-of"
	// AnnotationReason is why a copy was made, in the user's words.
	AnnotationReason = "kubectl-shareproc/reason"
	// AnnotationCreatedBy names the user who asked for a copy.
	AnnotationCreatedBy = "kubectl-shareproc/created-by"
	// NamePrefix begins the name of every helper container. Ephemeral containers carry no labels, so the
	// name, with the command, is the mark.
	NamePrefix = "shareproc-"
)

// Container finds a container or init container by its name.
func Container(pod *corev1.Pod, name string) (*corev1.Container, bool) {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		if i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == name }); i >= 0 {
			return &list[i], true
		}
	}
	return nil, false
}

// Status finds what the kubelet last said of a container, init container or ephemeral container.
func Status(pod *corev1.Pod, name string) (*corev1.ContainerStatus, bool) {
	for _, list := range statuses(pod) {
		if i := slices.IndexFunc(list, func(c corev1.ContainerStatus) bool { return c.Name == name }); i >= 0 {
			return &list[i], true
		}
	}
	return nil, false
}

// Running reports whether a container of any kind runs.
func Running(pod *corev1.Pod, name string) bool {
	st, ok := Status(pod, name)
	return ok && st.State.Running != nil
}

func statuses(pod *corev1.Pod) [][]corev1.ContainerStatus {
	st := &pod.Status
	return [][]corev1.ContainerStatus{st.ContainerStatuses, st.InitContainerStatuses, st.EphemeralContainerStatuses}
}
