// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// User is the uid and gid that a container's first process starts with. Both count: the kernel opens
// /proc/PID/root only to a reader whose uid and gid both match, or that holds CAP_SYS_PTRACE
// (ptrace(2), "Ptrace access mode checking").
type User struct{ UID, GID int64 }

// UserOf tells who a container runs as: from its status where the node reports it
// (status.containerStatuses[].user.linux, KEP-3619), else from the spec where both ids are set there.
// The second result is false when neither knows, as on an older node with the user set by the image.
func UserOf(pod *corev1.Pod, container string) (User, bool) {
	if st, ok := Status(pod, container); ok && st.User != nil && st.User.Linux != nil {
		return User{st.User.Linux.UID, st.User.Linux.GID}, true
	}
	var uid, gid *int64
	if sc := pod.Spec.SecurityContext; sc != nil {
		uid, gid = sc.RunAsUser, sc.RunAsGroup
	}
	if c, ok := Container(pod, container); ok && c.SecurityContext != nil {
		if c.SecurityContext.RunAsUser != nil {
			uid = c.SecurityContext.RunAsUser
		}
		if c.SecurityContext.RunAsGroup != nil {
			gid = c.SecurityContext.RunAsGroup
		}
	}
	if uid == nil || gid == nil {
		return User{}, false
	}
	return User{*uid, *gid}, true
}

// Candidate is one security context that a helper may be given, with what it is good for in words.
type Candidate struct {
	Name     string
	Sees     string
	Security *corev1.SecurityContext
}

// Ladder lists the security contexts to try for a helper beside a container that runs as user (known
// says whether that is certain), the one that sees most first. None is privileged, and each sets a
// numeric runAsUser and runAsGroup, so that a pod's runAsNonRoot and an image's user never decide.
//
//   - root with SYS_PTRACE opens every process, those too that changed their user, as the shell of
//     Kubernetes' own page on sharing the process namespace does;
//   - root with default capabilities opens processes of root with at most those (admitted by the Pod
//     Security level baseline);
//   - the target's own user without any capability opens processes of that user (admitted by restricted).
func Ladder(user User, known bool) []Candidate {
	ladder := []Candidate{{
		Name:     "root with SYS_PTRACE",
		Sees:     "processes and files of every user",
		Security: as(User{}, &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}),
	}}
	if !known || user == (User{}) {
		ladder = append(ladder, Candidate{
			Name:     "root with default capabilities",
			Sees:     "processes; files of those that run as root",
			Security: as(User{}, nil),
		})
	}
	if known && user != (User{}) {
		sc := as(user, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}})
		sc.AllowPrivilegeEscalation = new(false)
		sc.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
		ladder = append(ladder, Candidate{
			Name:     fmt.Sprintf("user %d:%d without capabilities", user.UID, user.GID),
			Sees:     "processes; files of those that run as the same user",
			Security: sc,
		})
	}
	return ladder
}

func as(user User, caps *corev1.Capabilities) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:    new(user.UID),
		RunAsGroup:   new(user.GID),
		RunAsNonRoot: new(user.UID != 0),
		Capabilities: caps,
	}
}
