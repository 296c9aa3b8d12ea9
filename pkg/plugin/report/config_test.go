// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect/environ"
)

// Files of a whole volume are kept up to date, and those of a Secret or of an emptyDir come from no ConfigMap.
func TestMountedFilesAreThoseThatTheKubeletDoesNotUpdate(t *testing.T) {
	named := corev1.LocalObjectReference{Name: "app"}
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Volumes: []corev1.Volume{
			{Name: "whole", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named}}},
			{Name: "renamed", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named, Items: []corev1.KeyToPath{{Key: "key", Path: "etc/file"}}}}},
			{Name: "projected", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named}}}}}},
			{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}}},
		},
		Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{
			{Name: "whole", MountPath: "/whole"},
			{Name: "whole", MountPath: "/one", SubPath: "one"},
			{Name: "renamed", MountPath: "/two", SubPath: "etc/file"},
			{Name: "projected", MountPath: "/three", SubPath: "three"},
			{Name: "secret", MountPath: "/secret", SubPath: "password"},
			{Name: "gone", MountPath: "/gone", SubPath: "x"},
		}}},
	}}
	ref := environ.Ref{Kind: environ.ConfigMap, Name: "app"}
	want := []mountedFile{{ref, "one", "/one"}, {ref, "key", "/two"}, {ref, "three", "/three"}}
	if got := mountedFiles(pod, &pod.Spec.Containers[0]); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
