// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// User is the uid and gid that a container's first process starts with. Both count: the kernel opens
// /proc/PID/root only to a reader whose uid and gid both match, or that holds CAP_SYS_PTRACE
// (ptrace(2), "Ptrace access mode checking").
type User struct{ UID, GID int64 }

// UserOf tells who a container runs as: from its status where the node reports it
// (status.containerStatuses[].user.linux, KEP-3619), else from the spec where both ids are set there.
// The second result is false when neither knows both, as on an older node with the user set by the image: the first is a
// guess then, root and root's group in place of what is not known.
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
	var user User
	if uid != nil {
		user.UID = *uid
	}
	if gid != nil {
		user.GID = *gid
	}
	return user, uid != nil && gid != nil
}

// Candidate is one security context that a helper may be given.
type Candidate struct {
	Name     string
	Security *corev1.SecurityContext
	// Resources are for a namespace whose quota admits no container without; an ephemeral container has none in any case.
	Resources corev1.ResourceRequirements
}

// Limited is c with small requests and limits: of the disk too where the pod's containers have such, as a quota of it demands.
func (c Candidate) Limited(spec *corev1.PodSpec) Candidate {
	const mebi = 1 << 20
	list := func(milliCPU, memory int64) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU: *resource.NewMilliQuantity(milliCPU, resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(memory, resource.BinarySI),
		}
	}
	c.Resources = corev1.ResourceRequirements{Requests: list(10, 16*mebi), Limits: list(500, 128*mebi)}
	if slices.ContainsFunc(spec.Containers, func(other corev1.Container) bool { return !other.Resources.Limits.StorageEphemeral().IsZero() }) {
		disk := *resource.NewQuantity(64*mebi, resource.BinarySI)
		c.Resources.Requests[corev1.ResourceEphemeralStorage], c.Resources.Limits[corev1.ResourceEphemeralStorage] = disk, disk
	}
	return c
}

// nobody is a user that no image is likely to run as, for helpers that need no access.
const nobody = 65534

// Candidates lists the security contexts to try for a helper: first those that meet the access, least privilege first;
// then those that at least open the target's root; and last, if the access allows or the user of the target is unknown,
// one that only lists processes. None is privileged, and each sets a numeric runAsUser and runAsGroup.
//
//   - the target's user and group, without capabilities unless it is root (admitted by the Pod Security level restricted);
//   - root with default capabilities (admitted by baseline);
//   - root with SYS_PTRACE, which opens every process.
//
// For Chroot, a shell, the most privileged comes first. In the process namespace of the node none has SYS_PTRACE if
// another one will do.
func Candidates(s TargetUser, access Access) []Candidate {
	all := []Candidate{matched(s), {Name: "root with default capabilities", Security: as(User{}, nil)}, tracer()}
	if access == Chroot {
		all = append(all[:1], chrootCandidates(s)...)
	}
	if EqualSecurityContext(all[0].Security, all[1].Security) {
		all = all[1:]
	}
	var candidates, next []Candidate
	for _, c := range all {
		switch {
		case Meets(c.Security, s, access) && (access != SeeProcesses || Meets(c.Security, s, ReadRoot)):
			candidates = append(candidates, c)
		case Meets(c.Security, s, ReadRoot):
			next = append(next, c)
		}
	}
	slices.Reverse(next)
	if access == Chroot {
		slices.Reverse(candidates)
	}
	candidates = append(candidates, next...)
	if access == SeeProcesses || !s.Known {
		candidates = append(candidates, without(User{nobody, nobody}))
	}
	if s.ofNode {
		return withoutTracing(candidates)
	}
	return candidates
}

// withoutTracing removes the candidates with SYS_PTRACE, unless there are no others.
func withoutTracing(all []Candidate) []Candidate {
	rest := slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool { return capabilitiesOf(c.Security).has("SYS_PTRACE") })
	if len(rest) == 0 {
		return all
	}
	return rest
}

// matched returns the user of the target, with exactly its capabilities.
func matched(s TargetUser) Candidate {
	if s.User.UID != 0 {
		return without(s.User)
	}
	c := Candidate{Name: "root with the target's capabilities", Security: as(s.User, s.caps.spec())}
	if s.caps.all {
		// A target with all capabilities is not matched: no helper is privileged.
		c.Security.Capabilities = nil
	}
	if s.User.GID != 0 {
		c.Name = fmt.Sprintf("user %d:%d with the target's capabilities", s.User.UID, s.User.GID)
	}
	return c
}

// without returns a user without capabilities, as the Pod Security level restricted requires.
func without(user User) Candidate {
	sc := as(user, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}})
	sc.AllowPrivilegeEscalation = new(false)
	return Candidate{Name: fmt.Sprintf("user %d:%d without capabilities", user.UID, user.GID), Security: sc}
}

func tracer() Candidate {
	return Candidate{
		Name:     "root with SYS_PTRACE",
		Security: as(User{}, &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}),
	}
}

// as returns what all candidates have in common: a read-only root, which policies may require, and the default seccomp
// profile, since that of the pod may not even allow fork.
func as(user User, caps *corev1.Capabilities) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:              new(user.UID),
		RunAsGroup:             new(user.GID),
		RunAsNonRoot:           new(user.UID != 0),
		ReadOnlyRootFilesystem: new(true),
		SeccompProfile:         &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		Capabilities:           caps,
	}
}
