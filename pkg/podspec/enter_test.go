// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestLadderToEnterARoot(t *testing.T) {
	of := func(user User, sc *corev1.SecurityContext, runtime string) Subject {
		s := subject(user, sc)
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web", ContainerID: runtime + "://aaaa"}}}}
		s.chroot = SubjectOf(pod, "web").chroot
		return s
	}
	setuid := of(User{101, 102}, nil, "containerd")
	setuid.Undumpable = true
	for _, c := range []struct {
		what string
		s    Subject
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
		for _, cand := range Ladder(c.s, EnterRoot) {
			names = append(names, cand.Name)
			if Meets(cand.Security, c.s, EnterRoot) && !Meets(cand.Security, c.s, OpenRoot) {
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
	if plain := tracer().Security; !Meets(plain, known, EnterRoot) || Meets(plain, unknown, EnterRoot) {
		t.Error("SYS_CHROOT is counted on where it is not known to be a default, or not where it is")
	}
	h := Helper{Name: "shareproc-x", Need: EnterRoot, Container: "web"}.Ephemeral()
	for _, need := range []Need{EnterRoot, OpenEvery, OpenRoot, SeeProcesses} {
		if !MadeFor(&h, "web", need) {
			t.Errorf("a helper made to enter the root is not used for %s", need)
		}
	}
	h = Helper{Name: "shareproc-x", Need: OpenEvery, Container: "web"}.Ephemeral()
	if MadeFor(&h, "web", EnterRoot) {
		t.Error("a helper made to open everything is taken for one that may chroot")
	}
}
