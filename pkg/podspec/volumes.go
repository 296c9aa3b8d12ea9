// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"path"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A Volume is what a pod's spec says of one that a container mounts.
type Volume struct {
	// Name is that in the pod, Kind the key of its source in the spec, such as emptyDir.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Of names what it is made of: a claim, a ConfigMap, a Secret, a directory of the node, an image.
	Of string `json:"of,omitempty"`
	// Medium is that of an emptyDir; "Memory" counts against the memory limit. SizeLimit is in bytes, 0 for none.
	Medium    string `json:"medium,omitempty"`
	SizeLimit int64  `json:"sizeLimitBytes,omitempty"`
}

// OnNode reports whether the volume is a directory on a disk that it shares with others: sizes of the file system are those of
// the disk.
func (v Volume) OnNode() bool {
	return v.Kind == "emptyDir" && v.Medium == "" || v.Kind == "hostPath"
}

// VolumesOf are the volumes of a container by the paths where it mounts them.
func VolumesOf(pod *corev1.Pod, container string) map[string]Volume {
	var mounts []corev1.VolumeMount
	if c, ok := Container(pod, container); ok {
		mounts = c.VolumeMounts
	}
	for _, c := range pod.Spec.EphemeralContainers {
		if c.Name == container {
			mounts = c.VolumeMounts
		}
	}
	sources := map[string]Volume{}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		sources[v.Name] = volumeOf(v)
	}
	found := map[string]Volume{}
	for _, m := range mounts {
		if v, ok := sources[m.Name]; ok {
			found[path.Join("/", m.MountPath)] = v
		}
	}
	return found
}

func volumeOf(v *corev1.Volume) Volume {
	out := Volume{Name: v.Name, Kind: sourceKind(&v.VolumeSource)}
	switch s := &v.VolumeSource; {
	case s.EmptyDir != nil:
		out.Medium = string(s.EmptyDir.Medium)
		if s.EmptyDir.SizeLimit != nil {
			out.SizeLimit = s.EmptyDir.SizeLimit.Value()
		}
	case s.PersistentVolumeClaim != nil:
		out.Of = s.PersistentVolumeClaim.ClaimName
	case s.ConfigMap != nil:
		out.Of = s.ConfigMap.Name
	case s.Secret != nil:
		out.Of = s.Secret.SecretName
	case s.HostPath != nil:
		out.Of = s.HostPath.Path
	case s.Image != nil:
		out.Of = s.Image.Reference
	case s.CSI != nil:
		out.Of = s.CSI.Driver
	}
	return out
}

// sourceKind is the key of a volume's source. The API has one field for each kind, and adds some with each version.
func sourceKind(s *corev1.VolumeSource) string {
	value := reflect.ValueOf(s).Elem()
	for i := range value.NumField() {
		if !value.Field(i).IsNil() {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			return name
		}
	}
	return ""
}
