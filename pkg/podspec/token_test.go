// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The admission plugin ServiceAccount leaves out containers that have something at the token's path already.
func TestWhatWeAddHasNoServiceAccountToken(t *testing.T) {
	const path = "/var/run/secrets/kubernetes.io/serviceaccount"
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Command: []string{"web"}}}}}
	first, _ := Copy{Name: "a", Image: "i", Hold: "web"}.Of(pod)
	second, _ := Copy{Name: "b", Image: "i"}.Of(first)
	for _, copied := range []*corev1.Pod{first, second} {
		ours := slices.Concat(copied.Spec.InitContainers, copied.Spec.Containers[1:])
		if len(ours) < 2 {
			t.Fatalf("%d containers of ours", len(ours))
		}
		for _, c := range ours {
			i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path })
			if i < 0 || !slices.ContainsFunc(copied.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == c.VolumeMounts[i].Name && v.EmptyDir != nil }) {
				t.Errorf("%s: container %s: mounts %v, volumes %v", copied.Name, c.Name, c.VolumeMounts, copied.Spec.Volumes)
			}
		}
		if len(copied.Spec.Containers[0].VolumeMounts) > 1 {
			t.Errorf("the pod's own container: %v", copied.Spec.Containers[0].VolumeMounts)
		}
	}
	if c := (Helper{Name: "h", Image: "i"}).Ephemeral(); len(c.VolumeMounts) > 0 {
		t.Errorf("a helper mounts %v", c.VolumeMounts)
	}
	for _, volumes := range [][]corev1.Volume{nil, {{Name: "data"}}} {
		d := deploymentOf(pod)
		d.Spec.Template.Spec.Volumes = volumes
		spec := patched(t, d).Spec.Template.Spec
		c := spec.Containers[len(spec.Containers)-1]
		i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path })
		if i < 0 || !slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == c.VolumeMounts[i].Name && v.EmptyDir != nil }) {
			t.Errorf("patch: mounts %v, volumes %v", c.VolumeMounts, spec.Volumes)
		}
	}
	names := map[string]int{}
	for _, v := range second.Spec.Volumes {
		if names[v.Name]++; names[v.Name] > 1 {
			t.Errorf("volume %s twice", v.Name)
		}
	}
}
