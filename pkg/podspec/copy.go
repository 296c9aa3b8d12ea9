// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ShellContainer is the name of the sidecar in a copy, unless the pod has a container of that name.
const ShellContainer = "shareproc"

// Copy describes how the copy of a pod differs from the original.
type Copy struct {
	Name       string
	Image      string
	PullPolicy corev1.PullPolicy
	Security   *corev1.SecurityContext
	Resources  corev1.ResourceRequirements
	// TTL is the time after which the cluster terminates the copy, in whole seconds (activeDeadlineSeconds): no client
	// survives kill -9.
	TTL time.Duration
	// By is the user who asked for it; "" if unknown.
	By string
	// Reason is why, in the user's words; "" for none.
	Reason string
	// Hold is the container whose process is replaced with one that waits; "" for none.
	Hold string
	// Edits are the changes that the user asked for.
	Edits Edits
}

// Of copies pod: all containers in one process namespace, a shell beside them, and nothing by which a
// Service, a controller, a budget or a network policy could take the copy for the original. The second
// result is the name of the shell's container. A container to hold gets the helper image's tools in ToolsDir.
//
// The copy stays on the original's node, because a volume that only one node may mount would
// otherwise keep it pending. A pod in the node's process namespace keeps that instead of sharing its
// own: the API server refuses both together.
func (c Copy) Of(pod *corev1.Pod) (*corev1.Pod, string) {
	out := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:            c.Name,
			Namespace:       pod.Namespace,
			Labels:          c.Edits.labels(pod),
			Annotations:     c.Edits.annotations(pod),
			OwnerReferences: c.Edits.owners(pod),
		},
		Spec: *pod.Spec.DeepCopy(),
	}
	c.mark(out, pod.Name)
	c.clear(&out.Spec)
	c.Edits.edit(&out.Spec)
	shell := c.shell(out)
	c.hold(out)
	out.Spec.Containers = append(out.Spec.Containers, shell)
	return out, shell.Name
}

// mark says on a pod that it is ours, of which pod it is a copy, and whose.
func (c Copy) mark(out *corev1.Pod, of string) {
	out.Labels[LabelManagedBy] = ManagedBy
	out.Annotations[AnnotationCopyOf] = of
	if c.By != "" {
		out.Annotations[AnnotationCreatedBy] = c.By
	}
	if c.Reason != "" {
		out.Annotations[AnnotationReason] = c.Reason
	}
}

// shell is the container with our shell, by a name that the pod does not have.
func (c Copy) shell(out *corev1.Pod) corev1.Container {
	shell := corev1.Container{
		Name:                     ShellContainer,
		Image:                    c.Image,
		ImagePullPolicy:          c.PullPolicy,
		Command:                  []string{"sh"},
		Env:                      []corev1.EnvVar{noHistory()},
		VolumeMounts:             []corev1.VolumeMount{noToken(out)},
		Stdin:                    true,
		TTY:                      true,
		SecurityContext:          c.Security,
		Resources:                c.Resources,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
	for {
		if _, taken := Container(out, shell.Name); !taken {
			return shell
		}
		shell.Name += "-shell"
	}
}

// noToken mounts an empty directory where admission would mount a service account token: our containers need none.
func noToken(pod *corev1.Pod) corev1.VolumeMount {
	const name = "shareproc-no-token"
	if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name }) {
		pod.Spec.Volumes = append(pod.Spec.Volumes, emptyVolume(name))
	}
	return overToken(name)
}

func emptyVolume(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func overToken(volume string) corev1.VolumeMount {
	return corev1.VolumeMount{Name: volume, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}
}

// clear removes from the spec of a copy what belongs to the original alone.
func (c Copy) clear(spec *corev1.PodSpec) {
	if !spec.HostPID {
		spec.ShareProcessNamespace = new(true)
	}
	spec.EphemeralContainers = nil
	spec.RestartPolicy = corev1.RestartPolicyNever
	spec.ActiveDeadlineSeconds = new(int64(c.TTL / time.Second))
	spec.TerminationGracePeriodSeconds = new(int64(1))
	// The DNS name of a StatefulSet pod belongs to the original.
	spec.Hostname, spec.Subdomain, spec.SetHostnameAsFQDN, spec.HostnameOverride = "", "", nil, nil
	// A copy must not preempt other pods. Admission fills in what follows from the class, and refuses other values.
	spec.PriorityClassName, spec.Priority, spec.PreemptionPolicy, spec.Overhead = "", nil, nil, nil
	spec.ReadinessGates, spec.SchedulingGates = nil, nil
	dropGeneratedToken(spec)
}

// dropGeneratedToken removes the service account volume that the ServiceAccount admission plugin added
// to the original ("kube-api-access-" and five characters): it adds one to the copy as well.
func dropGeneratedToken(spec *corev1.PodSpec) {
	const generated = "kube-api-access-"
	var volumes []corev1.Volume
	for _, v := range spec.Volumes {
		if v.Projected == nil || !strings.HasPrefix(v.Name, generated) {
			volumes = append(volumes, v)
		}
	}
	spec.Volumes = volumes
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			var mounts []corev1.VolumeMount
			for _, m := range list[i].VolumeMounts {
				if !strings.HasPrefix(m.Name, generated) {
					mounts = append(mounts, m)
				}
			}
			list[i].VolumeMounts = mounts
		}
	}
}
