// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// MemoryLimit is how much the containers of a pod may use together, helpers included, which have no limit of their own: the
// pod's, or what the kubelet makes of the containers' where each has one; nil for none.
func MemoryLimit(spec *corev1.PodSpec) *resource.Quantity {
	if spec.Resources != nil && !spec.Resources.Limits.Memory().IsZero() {
		return spec.Resources.Limits.Memory()
	}
	var most, sidecars resource.Quantity
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		now := c.Resources.Limits.Memory().DeepCopy()
		if now.IsZero() {
			return nil
		}
		now.Add(sidecars)
		if sidecar(c) {
			sidecars = now
		}
		if now.Cmp(most) > 0 {
			most = now
		}
	}
	sum := sidecars.DeepCopy()
	for i := range spec.Containers {
		if spec.Containers[i].Resources.Limits.Memory().IsZero() {
			return nil
		}
		sum.Add(*spec.Containers[i].Resources.Limits.Memory())
	}
	if most.Cmp(sum) > 0 {
		sum = most
	}
	sum.Add(*spec.Overhead.Memory())
	return &sum
}

// sidecar reports whether an init container lasts as long as its pod. Since 1.34 the others may have a policy of their own too.
func sidecar(init *corev1.Container) bool {
	return init.RestartPolicy != nil && *init.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
