// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestLadderToEnterARoot(t *testing.T) {
	of := func(user User, sc *corev1.SecurityContext, runtime string) TargetUser {
		s := subject(user, sc)
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web", ContainerID: runtime + "://aaaa"}}}}
		s.chroot = TargetUserOf(pod, "web").chroot
		return s
	}
	setuid := of(User{101, 102}, nil, "containerd")
	setuid.Undumpable = true
	for _, c := range []struct {
		what string
		s    TargetUser
		want []string
	}{
		{"root", of(User{}, nil, "containerd"), []string{"root with SYS_PTRACE", "root with default capabilities"}},
		{"root on Docker", of(User{}, nil, "docker"), []string{"root with SYS_PTRACE", "root with default capabilities"}},
		{
			"root where it is no default", of(User{}, nil, "cri-o"),
			[]string{"root with SYS_PTRACE and SYS_CHROOT", "root with SYS_CHROOT", "root with the target's capabilities"},
		},
		{"root that dropped it", of(User{}, caps("SYS_CHROOT"), "containerd"), []string{"root with SYS_PTRACE", "root with default capabilities", "root with the target's capabilities"}},
		{"a user", of(User{101, 102}, nil, "containerd"), []string{"root with SYS_PTRACE", "user 101:102 without capabilities"}},
		{"who changed the user", setuid, []string{"root with SYS_PTRACE"}},
	} {
		var names []string
		for _, cand := range Candidates(c.s, Chroot) {
			names = append(names, cand.Name)
			if Meets(cand.Security, c.s, Chroot) && !Meets(cand.Security, c.s, ReadRoot) {
				t.Errorf("%s: %s would enter a root that it does not open", c.what, cand.Name)
			}
		}
		if got, want := strings.Join(names, "; "), strings.Join(c.want, "; "); got != want {
			t.Errorf("%s: got %q, want %q", c.what, got, want)
		}
	}
}

// A helper that debug made is used again where the runtime gave it the capability, and not on a guess.
func TestWhoMayEnterARoot(t *testing.T) {
	known, unknown := subject(User{}, nil), subject(User{}, nil)
	known.chroot = true
	if plain := tracer().Security; !Meets(plain, known, Chroot) || Meets(plain, unknown, Chroot) {
		t.Error("SYS_CHROOT is counted on where it is not known to be a default, or not where it is")
	}
	h := Helper{Name: "shareproc-x", Access: Chroot, Container: "web"}.Ephemeral()
	for _, access := range []Access{Chroot, ReadAll, ReadRoot, SeeProcesses} {
		if !MadeFor(&h, "web", access) {
			t.Errorf("a helper made to enter the root is not used for %s", access)
		}
	}
	h = Helper{Name: "shareproc-x", Access: ReadAll, Container: "web"}.Ephemeral()
	if MadeFor(&h, "web", Chroot) {
		t.Error("a helper made to open everything is taken for one that may chroot")
	}
}
