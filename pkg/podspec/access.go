// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Access is what a command must be able to do in a helper.
type Access string

// Every helper can see processes: being in their process namespace is enough.
const (
	SeeProcesses Access = "processes"
	// ReadRoot is opening the root of the target container.
	ReadRoot Access = "files"
	// Signal is signaling the processes of the target.
	Signal Access = "signal"
	// ReadAll is opening every process, also those that changed their user, as the shell with SYS_PTRACE in the
	// Kubernetes docs on sharing a process namespace does.
	ReadAll Access = "everything"
	// Chroot is using the target's root as /: chroot(2) requires UID 0 and CAP_SYS_CHROOT.
	Chroot Access = "root"
)

// covers reports whether a helper made for n also satisfies other.
func (n Access) covers(other Access) bool {
	return n == other || n == ReadAll && other != Chroot || n == Chroot || other == SeeProcesses
}

// TargetUser is the user of the target container, as the kernel sees it.
type TargetUser struct {
	User User
	// Known is false if User is a guess, as on an older node if the image sets the user.
	Known bool
	// Undumpable is true if its processes changed their user without exec, so that matching ids open nothing
	// (PR_SET_DUMPABLE in prctl(2)).
	Undumpable bool
	caps       capabilities
	// chroot is true if the runtime of the node gives root CAP_SYS_CHROOT by default.
	chroot bool
	// ofNode tells that the process namespace is the node's, in which nothing of ours may trace processes unasked.
	ofNode bool
}

// TargetUserOf returns what the API reports about a container.
func TargetUserOf(pod *corev1.Pod, container string) TargetUser {
	user, known := UserOf(pod, container)
	s := TargetUser{User: user, Known: known, caps: capabilities{defaults: true}, ofNode: pod.Spec.HostPID}
	if c, ok := Container(pod, container); ok {
		s.caps = capabilitiesOf(c.SecurityContext)
	}
	s.chroot = chrootByDefault(pod, container)
	return s
}

// Observed returns s with the user that its processes have.
func (s TargetUser) Observed(user User, undumpable bool) TargetUser {
	s.User, s.Known, s.Undumpable = user, true, undumpable
	return s
}

// Meets reports whether a helper with the security context sc certainly has an access, by the rules of ptrace(2),
// "Ptrace access mode checking", and kill(2). A capability is effective only for root.
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
		// A process of another user lacks the capabilities of the root process.
		fewer := s.User.UID != 0 || caps.covers(s.caps)
		return every || !s.Undumpable && user == s.User && fewer
	case Signal:
		return root && caps.has("KILL") || user.UID == s.User.UID
	case Chroot:
		return s.mayChroot(user, caps) && Meets(sc, s, ReadRoot)
	default:
		return every
	}
}

// Matches reports whether a helper with the security context sc opens the root of the target without any privilege that
// the target lacks. Only the capabilities of root are compared: others are not effective.
func Matches(sc *corev1.SecurityContext, s TargetUser) bool {
	if !Meets(sc, s, ReadRoot) || (User{*sc.RunAsUser, *sc.RunAsGroup}) != s.User {
		return false
	}
	return s.User.UID != 0 || s.caps.covers(capabilitiesOf(sc))
}

// Matching returns the candidates for files that have no more privileges than the target; none if only more privileges
// open it.
func Matching(s TargetUser) []Candidate {
	return slices.DeleteFunc(Candidates(s, ReadRoot), func(c Candidate) bool { return !Matches(c.Security, s) })
}
