// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const sysChroot = "SYS_CHROOT"

// chrootByDefault reports whether the runtime gives root CAP_SYS_CHROOT by default: containerd (pkg/oci) and Docker
// (oci/caps) do, CRI-O (internal/config/capabilities) does not.
func chrootByDefault(pod *corev1.Pod, container string) bool {
	st, ok := Status(pod, container)
	if !ok {
		return false
	}
	runtime, _, _ := strings.Cut(st.ContainerID, "://")
	return runtime == "containerd" || runtime == "docker"
}

// mayChroot reports whether a process of that user with these capabilities may chroot on the node.
func (s TargetUser) mayChroot(user User, caps capabilities) bool {
	byDefault := s.chroot && caps.defaults && !slices.Contains(caps.dropped, sysChroot)
	return user.UID == 0 && (byDefault || caps.has(sysChroot))
}

// chrootCandidates are the security contexts that may chroot, least privilege first. They add the capability if it is
// no default; the Pod Security level baseline allows it.
func chrootCandidates(s TargetUser) []Candidate {
	root := Candidate{Name: "root with default capabilities", Security: as(User{}, nil)}
	trace := tracer()
	if !s.chroot {
		root = Candidate{Name: "root with " + sysChroot, Security: as(User{}, &corev1.Capabilities{Add: []corev1.Capability{sysChroot}})}
		trace.Name += " and " + sysChroot
		trace.Security.Capabilities.Add = append(trace.Security.Capabilities.Add, sysChroot)
	}
	return []Candidate{root, trace}
}
