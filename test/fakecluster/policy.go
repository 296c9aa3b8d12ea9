// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const enforce = "pod-security.kubernetes.io/enforce"

// admit holds a pod to the Pod Security level that its namespace enforces.
func (c *Cluster) admit(q request, o object) error {
	level := field(c.objects[key{resource: "namespaces", name: q.namespace}], "metadata", "labels", enforce)
	if q.resource != "pods" || level == "" || level == "privileged" {
		return nil
	}
	var pod corev1.Pod
	if err := convert(o, &pod); err != nil {
		return err
	}
	var broken []string
	for _, container := range containers(&pod) {
		broken = append(broken, violations(level, container, pod.Spec.SecurityContext)...)
	}
	if len(broken) == 0 {
		return nil
	}
	return q.forbidden(fmt.Sprintf("violates PodSecurity %q: %s", level+":latest", strings.Join(broken, ", ")))
}

// containers are all of a pod, ephemeral ones too.
func containers(pod *corev1.Pod) []corev1.Container {
	all := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	for i := range pod.Spec.EphemeralContainers {
		all = append(all, corev1.Container(pod.Spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}

// violations are what Pod Security's baseline and restricted levels say of a container, as far as this project's own
// containers and those of its tests go.
func violations(level string, container corev1.Container, ofPod *corev1.PodSecurityContext) []string {
	var broken []string
	add := func(rule, format string) {
		broken = append(broken, fmt.Sprintf("%s (container %q must "+format+")", rule, container.Name))
	}
	security := container.SecurityContext
	if security == nil {
		security = &corev1.SecurityContext{}
	}
	if ofPod == nil {
		ofPod = &corev1.PodSecurityContext{}
	}
	capabilities := security.Capabilities
	if capabilities == nil {
		capabilities = &corev1.Capabilities{}
	}
	if slices.ContainsFunc(capabilities.Add, func(name corev1.Capability) bool {
		return strings.HasPrefix(string(name), "SYS_P") || name == "NET_ADMIN"
	}) {
		add("non-default capabilities", "not add capabilities beyond the default ones")
	}
	if level != "restricted" {
		return broken
	}
	if security.AllowPrivilegeEscalation == nil || *security.AllowPrivilegeEscalation {
		add("allowPrivilegeEscalation != false", "set securityContext.allowPrivilegeEscalation=false")
	}
	if !slices.Contains(capabilities.Drop, "ALL") {
		add("unrestricted capabilities", `set securityContext.capabilities.drop=["ALL"]`)
	}
	if security.RunAsNonRoot == nil && ofPod.RunAsNonRoot == nil {
		add("runAsNonRoot != true", "set securityContext.runAsNonRoot=true")
	}
	if security.RunAsUser != nil && *security.RunAsUser == 0 {
		add("runAsUser=0", "not set runAsUser=0")
	}
	if security.SeccompProfile == nil && ofPod.SeccompProfile == nil {
		add("seccompProfile", "set securityContext.seccompProfile.type")
	}
	return broken
}
