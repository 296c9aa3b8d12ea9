// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestStorageLimit(t *testing.T) {
	some := resource.MustParse("50Mi")
	more := resource.MustParse("1Gi")
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Containers: []corev1.Container{
			{Name: "side"},
			{
				Name:         "web",
				Resources:    corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceEphemeralStorage: more}},
				VolumeMounts: []corev1.VolumeMount{{Name: "scratch", MountPath: "/scratch/"}, {Name: "mem", MountPath: "/scratch/mem"}, {Name: "claim", MountPath: "/data"}, {Name: "free", MountPath: "/free"}},
			},
		},
		Volumes: []corev1.Volume{
			{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &some}}},
			{Name: "mem", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &some}}},
			{Name: "free", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "claim", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{}}},
		},
	}}
	for _, c := range []struct {
		container, path string
		want            *resource.Quantity
	}{
		{"web", "/scratch", &some},
		{"web", "/scratch/a/b", &some},
		{"web", "/scratches", &more},
		{"web", "/scratch/mem/x", nil},
		{"web", "/data/x", nil},
		{"web", "/free/x", nil},
		{"web", "/tmp/x", &more},
		{"side", "/scratch/x", nil},
		{"side", "/tmp/x", nil},
	} {
		got, _ := storageLimit(pod, c.container, c.path)
		if (got == nil) != (c.want == nil) || got != nil && got.Cmp(*c.want) != 0 {
			t.Errorf("%s of %s: %v, want %v", c.path, c.container, got, c.want)
		}
	}
}
