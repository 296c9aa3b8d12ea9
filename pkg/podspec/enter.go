// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const sysChroot = "SYS_CHROOT"

// chrootByDefault tells whether the runtime that runs the container is one that gives root CAP_SYS_CHROOT unasked: containerd
// (pkg/oci) and Docker (oci/caps) do, CRI-O (internal/config/capabilities) does not.
func chrootByDefault(pod *corev1.Pod, container string) bool {
	st, ok := Status(pod, container)
	if !ok {
		return false
	}
	runtime, _, _ := strings.Cut(st.ContainerID, "://")
	return runtime == "containerd" || runtime == "docker"
}

// lets tells whether a process of that user with these capabilities may chroot on the subject's node.
func (s TargetUser) lets(user User, caps capabilities) bool {
	byDefault := s.chroot && caps.defaults && !slices.Contains(caps.dropped, sysChroot)
	return user.UID == 0 && (byDefault || caps.has(sysChroot))
}

// entering are the security contexts of root that may chroot, the lesser first. Where it is not one of the defaults the
// capability is asked for; the Pod Security level baseline admits it.
func entering(s TargetUser) []Candidate {
	root := Candidate{Name: "root with default capabilities", Security: as(User{}, nil)}
	trace := tracer()
	if !s.chroot {
		root = Candidate{Name: "root with " + sysChroot, Security: as(User{}, &corev1.Capabilities{Add: []corev1.Capability{sysChroot}})}
		trace.Name += " and " + sysChroot
		trace.Security.Capabilities.Add = append(trace.Security.Capabilities.Add, sysChroot)
	}
	return []Candidate{root, trace}
}
