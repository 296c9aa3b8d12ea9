// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// admit refuses a copy for which the kubelet would evict the pod.
func (o *cpOptions) admit(to copySide, name string, bytes int64) error {
	if to.session == nil || o.force {
		return nil
	}
	limit, of := storageLimit(to.session.Target.Pod, to.session.Target.Container, name)
	if limit == nil || bytes <= limit.Value() {
		return nil
	}
	return hint.With(fmt.Errorf("write %s in pod/%s: %s exceeds %s (%s): the kubelet would evict the pod",
		remote.Escape(name), to.session.Pod, output.HumanBytes(bytes), of, limit), "add --force if the pod may be evicted")
}

// storageLimit is how much a container's path may hold, and what says so. It is nil where nothing does, or where the file system
// itself sees to it.
func storageLimit(pod *corev1.Pod, container, name string) (limit *resource.Quantity, of string) {
	var spec corev1.Container
	for _, c := range append(append([]corev1.Container(nil), pod.Spec.Containers...), pod.Spec.InitContainers...) {
		if c.Name == container {
			spec = c
		}
	}
	var mount corev1.VolumeMount
	for _, m := range spec.VolumeMounts {
		if point := path.Clean(m.MountPath); len(point) > len(mount.MountPath) && strings.HasPrefix(name+"/", strings.TrimSuffix(point, "/")+"/") {
			mount = m
			mount.MountPath = point
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.Name == mount.Name && v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumDefault {
			return v.EmptyDir.SizeLimit, "the sizeLimit of volume " + v.Name
		}
	}
	if quantity, ok := spec.Resources.Limits[corev1.ResourceEphemeralStorage]; ok && mount.Name == "" {
		return &quantity, "the container's limit of ephemeral-storage"
	}
	return nil, ""
}
