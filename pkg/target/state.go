// SPDX-License-Identifier: Apache-2.0

package target

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Shared reports whether every container of the pod sees every process of it: the pod shares its
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
