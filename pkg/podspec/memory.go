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
		if c.RestartPolicy != nil {
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
