// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Access is what a command must be able to do in a helper.
type Access string

// What commands need. SeeProcesses every helper can: who is in the process namespace sees its processes.
const (
	SeeProcesses Access = "processes"
	// ReadRoot is to open the root of the target container.
	ReadRoot Access = "files"
	// Signal is to signal the target's processes.
	Signal Access = "signal"
	// ReadAll is to open every process, those too that changed their user, as the shell with SYS_PTRACE of Kubernetes'
	// own page on sharing the process namespace does.
	ReadAll Access = "everything"
	// Chroot is to have the target's root as /: chroot(2) asks for user 0 and CAP_SYS_CHROOT.
	Chroot Access = "root"
)

// covers tells whether whoever got the best that was to be had for n has it for other too.
func (n Access) covers(other Access) bool {
	return n == other || n == ReadAll && other != Chroot || n == Chroot || other == SeeProcesses
}

// TargetUser is the container that a helper is to look at, as the kernel will see it.
type TargetUser struct {
	User User
	// Known is false when User is a guess: as on an older node with the user set by the image.
	Known bool
	// Undumpable says that its processes changed their user without exec, so that matching ids open nothing
	// (PR_SET_DUMPABLE in prctl(2)).
	Undumpable bool
	caps       capabilities
	// chroot tells that the node's runtime gives root CAP_SYS_CHROOT by default.
	chroot bool
}

// TargetUserOf tells what the API knows of a container.
func TargetUserOf(pod *corev1.Pod, container string) TargetUser {
	user, known := UserOf(pod, container)
	s := TargetUser{User: user, Known: known, caps: capabilities{defaults: true}}
	if c, ok := Container(pod, container); ok {
		s.caps = capabilitiesOf(c.SecurityContext)
	}
	s.chroot = chrootByDefault(pod, container)
	return s
}

// Observed is s as it turned out to be.
func (s TargetUser) Observed(user User, undumpable bool) TargetUser {
	s.User, s.Known, s.Undumpable = user, true, undumpable
	return s
}

// Meets tells whether a helper with the security context sc can be counted on for what need asks, by the rules of
// ptrace(2), "Ptrace access mode checking", and kill(2). A capability is effective only in a helper that is root.
func Meets(sc *corev1.SecurityContext, s TargetUser, access Access) bool {
	if sc == nil || sc.RunAsUser == nil || sc.RunAsGroup == nil {
		return access == SeeProcesses
	}
	user := User{*sc.RunAsUser, *sc.RunAsGroup}
	root, caps := user.UID == 0, capabilitiesOf(sc)
	every := root && caps.has("SYS_PTRACE")
	switch access {
	case SeeProcesses:
		return true
	case ReadRoot:
		// What a container's root process starts with, one of another user does not have.
		fewer := s.User.UID != 0 || caps.covers(s.caps)
		return every || !s.Undumpable && user == s.User && fewer
	case Signal:
		return root && caps.has("KILL") || user.UID == s.User.UID
	case Chroot:
		return s.lets(user, caps) && Meets(sc, s, ReadRoot)
	default:
		return every
	}
}

// Matches tells whether a helper with the security context sc opens the target's root with no right that the target has
// not itself: whatever the target makes such a helper open, it could have opened without. A capability of another user
// than root is not effective, so that only root's are compared.
func Matches(sc *corev1.SecurityContext, s TargetUser) bool {
	if !Meets(sc, s, ReadRoot) || (User{*sc.RunAsUser, *sc.RunAsGroup}) != s.User {
		return false
	}
	return s.User.UID != 0 || s.caps.covers(capabilitiesOf(sc))
}

// Matching are the candidates for the target's files that have no more rights than the target; none where it opens to
// more rights only.
func Matching(s TargetUser) []Candidate {
	return slices.DeleteFunc(Candidates(s, ReadRoot), func(c Candidate) bool { return !Matches(c.Security, s) })
}
