// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageDir is where the pod of an image has the image's files.
const ImageDir = "/image"

// ImageVolume is the volume with them.
const ImageVolume = "image"

// OfImage is a pod with nothing of pod's but the image of one of its containers: a read-only volume (KEP-4639) at
// ImageDir beside our shell, on the same node, of which nothing runs. It has the marks of a copy, and ends like one.
func (c Copy) OfImage(pod *corev1.Pod, container string) (*corev1.Pod, string) {
	out := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, Namespace: pod.Namespace, Labels: map[string]string{}, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{
			NodeName: pod.Spec.NodeName, ImagePullSecrets: slices.Clone(pod.Spec.ImagePullSecrets),
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, RestartPolicy: corev1.RestartPolicyNever,
			ShareProcessNamespace: new(true), AutomountServiceAccountToken: new(false), EnableServiceLinks: new(false),
			ActiveDeadlineSeconds: new(int64(c.TTL / time.Second)), TerminationGracePeriodSeconds: new(int64(1)),
		},
	}
	c.mark(out, pod.Name)
	reference, _ := ImageOf(pod, container)
	out.Spec.Volumes = []corev1.Volume{{Name: ImageVolume, VolumeSource: corev1.VolumeSource{
		Image: &corev1.ImageVolumeSource{Reference: reference, PullPolicy: corev1.PullIfNotPresent},
	}}}
	shell := c.shell(out)
	shell.VolumeMounts = append(shell.VolumeMounts, corev1.VolumeMount{Name: ImageVolume, MountPath: ImageDir, ReadOnly: true})
	out.Spec.Containers = []corev1.Container{shell}
	return out, shell.Name
}

// ImageOf is the image that a container runs: by digest as its node reports it, else by the name in the spec, which may
// mean another image by now; exact is false then.
func ImageOf(pod *corev1.Pod, container string) (reference string, exact bool) {
	if st, ok := Status(pod, container); ok && strings.Contains(st.ImageID, "@sha256:") {
		// The old runtimes put docker-pullable:// before it.
		if _, name, found := strings.Cut(st.ImageID, "://"); found {
			return name, true
		}
		return st.ImageID, true
	}
	if c, ok := Container(pod, container); ok {
		return c.Image, strings.Contains(c.Image, "@sha256:")
	}
	return "", false
}

// HasImage reports whether a pod has a volume that is an image: a server which does not know them drops it.
func HasImage(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == ImageVolume && v.Image != nil })
}

// Untraced is a security context without the capability to trace, which a helper needs for its target's root only.
func Untraced(sc *corev1.SecurityContext) *corev1.SecurityContext {
	sc = sc.DeepCopy()
	if sc != nil && sc.Capabilities != nil {
		sc.Capabilities.Add = slices.DeleteFunc(sc.Capabilities.Add, func(name corev1.Capability) bool { return strings.TrimPrefix(string(name), "CAP_") == "SYS_PTRACE" })
	}
	return sc
}
