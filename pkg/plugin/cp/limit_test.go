// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func TestStorageOfAPath(t *testing.T) {
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
		s := storageOf(pod, c.container, c.path)
		got := s.limit
		if got == &some && (s.mount != "/scratch" || len(s.other) != 1 || s.other[0] != "/scratch/mem") {
			t.Errorf("%s of %s: mounted at %s, beside %v", c.path, c.container, s.mount, s.other)
		}
		if (got == nil) != (c.want == nil) || got != nil && got.Cmp(*c.want) != 0 {
			t.Errorf("%s of %s: %v, want %v", c.path, c.container, got, c.want)
		}
	}
}

// What a volume holds counts once, whatever its names, and what is mounted below it belongs to another.
func TestUsageOfAVolume(t *testing.T) {
	u := usage{storage: storage{other: []string{"/scratch/mem"}}, seen: map[[2]uint64]bool{}}
	for _, f := range []struct {
		path   string
		inode  uint64
		links  uint64
		blocks int64
	}{{"/scratch", 1, 2, 8}, {"/scratch/a", 2, 2, 2000}, {"/scratch/b", 2, 2, 2000}, {"/scratch/mem", 3, 2, 8}, {"/scratch/mem/c", 4, 1, 9000}} {
		if err := u.count(f.path, &remote.Stat{Dev: 7, Ino: f.inode, Nlink: f.links, Blocks: f.blocks, Mode: 0o100644}); err != nil {
			t.Fatal(err)
		}
	}
	if u.bytes != 2008*512 {
		t.Errorf("%d blocks are used", u.bytes/512)
	}
	for range usageMost {
		if err := u.count("/scratch/x", nil); err != nil {
			if !errors.Is(err, errTooMany) || u.bytes != 0 {
				t.Errorf("%d bytes, %v", u.bytes, err)
			}
			return
		}
	}
	t.Error("there is no end to the counting")
}
