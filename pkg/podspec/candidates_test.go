// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// subject is a container with the user and the security context given.
func subject(user User, sc *corev1.SecurityContext) TargetUser {
	return TargetUser{User: user, Known: true, caps: capabilitiesOf(sc)}
}

func caps(drop string, add ...corev1.Capability) *corev1.SecurityContext {
	c := &corev1.Capabilities{Add: add}
	if drop != "" {
		c.Drop = []corev1.Capability{corev1.Capability(drop)}
	}
	return &corev1.SecurityContext{Capabilities: c}
}

func TestLadder(t *testing.T) {
	const (
		defaults = "root with default capabilities"
		own      = "root with the target's capabilities"
		trace    = "root with SYS_PTRACE"
		someone  = "user 65534:65534 without capabilities"
	)
	root, user := subject(User{}, nil), subject(User{101, 102}, nil)
	unknown := TargetUser{caps: capabilitiesOf(nil)}
	setuid := user
	setuid.Undumpable = true
	for _, c := range []struct {
		what   string
		s      TargetUser
		access Access
		want   []string
	}{
		{"files of root", root, ReadRoot, []string{defaults, trace}},
		{"files of a user", user, ReadRoot, []string{"user 101:102 without capabilities", trace}},
		{"files of a user with root's group", subject(User{101, 0}, nil), ReadRoot, []string{"user 101:0 without capabilities", trace}},
		{"files of root with another group", subject(User{0, 5}, nil), ReadRoot, []string{"user 0:5 with the target's capabilities", trace}},
		{"everything of root", root, ReadAll, []string{trace, defaults}},
		{"everything of a user", user, ReadAll, []string{trace, "user 101:102 without capabilities"}},
		{"signals to a user", user, Signal, []string{"user 101:102 without capabilities", defaults, trace}},
		{"signals to root", root, Signal, []string{defaults, trace}},
		{"a list of root's", root, SeeProcesses, []string{defaults, trace, someone}},
		{"a list of a user's", user, SeeProcesses, []string{"user 101:102 without capabilities", trace, someone}},
		{"root that dropped all", subject(User{}, caps("ALL")), ReadRoot, []string{own, defaults, trace}},
		{"root that dropped all, added one of the defaults", subject(User{}, caps("ALL", "CAP_chown")), ReadRoot, []string{own, defaults, trace}},
		{"root that dropped all, added another", subject(User{}, caps("all", "NET_ADMIN")), ReadRoot, []string{own, trace}},
		{"root that added one", subject(User{}, caps("", "SYS_TIME")), ReadAll, []string{trace, own}},
		{"root that is privileged", subject(User{}, &corev1.SecurityContext{Privileged: new(true)}), ReadRoot, []string{trace}},
		{"a user whose capabilities are not effective", subject(User{101, 102}, caps("", "SYS_TIME")), ReadRoot, []string{"user 101:102 without capabilities", trace}},
		{"who is not known is taken for root, or looked at", unknown, ReadRoot, []string{defaults, trace, someone}},
		{"who changed the user", setuid, ReadRoot, []string{trace}},
		{"a list of who changed the user", setuid, SeeProcesses, []string{trace, someone}},
		{"signals to who changed the user", setuid, Signal, []string{"user 101:102 without capabilities", defaults, trace}},
	} {
		var names []string
		for _, cand := range Candidates(c.s, c.access) {
			names = append(names, cand.Name)
			sc := cand.Security
			if sc.RunAsUser == nil || sc.RunAsGroup == nil || sc.RunAsNonRoot == nil || *sc.RunAsNonRoot != (*sc.RunAsUser != 0) {
				t.Errorf("%s: %s leaves its user to the pod or the image: %+v", c.what, cand.Name, sc)
			}
			if sc.Privileged != nil || capabilitiesOf(sc).all {
				t.Errorf("%s: %s is privileged", c.what, cand.Name)
			}
		}
		if got, want := strings.Join(names, "; "), strings.Join(c.want, "; "); got != want {
			t.Errorf("%s: got %q, want %q", c.what, got, want)
		}
	}
}

func TestMeets(t *testing.T) {
	root, user := subject(User{}, nil), subject(User{101, 102}, nil)
	for _, c := range []struct {
		what   string
		sc     *corev1.SecurityContext
		s      TargetUser
		access Access
		want   bool
	}{
		{"no context at all lists", nil, root, SeeProcesses, true},
		{"no context at all opens nothing for certain", nil, root, ReadRoot, false},
		{"SYS_PTRACE opens all", tracer().Security, user, ReadAll, true},
		{"SYS_PTRACE is not effective without root", func() *corev1.SecurityContext {
			sc := as(User{5, 5}, &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}})
			return sc
		}(), user, ReadRoot, false},
		{"root does not open a user's", as(User{}, nil), user, ReadRoot, false},
		{"root without capabilities does not open root with them", as(User{}, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}), root, ReadRoot, false},
		{"root without one capability neither", as(User{}, &corev1.Capabilities{Drop: []corev1.Capability{"KILL"}}), root, ReadRoot, false},
		{"both ids count", without(User{101, 101}).Security, user, ReadRoot, false},
		{"a user signals its own", without(User{101, 101}).Security, user, Signal, true},
		{"and no other", without(User{5, 5}).Security, user, Signal, false},
		{"root signals all", as(User{}, nil), user, Signal, true},
		{"unless it may not", as(User{}, &corev1.Capabilities{Drop: []corev1.Capability{"KILL"}}), user, Signal, false},
	} {
		if got := Meets(c.sc, c.s, c.access); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// Who works on files has no right that the target has not.
func TestMatches(t *testing.T) {
	root, user := subject(User{}, nil), subject(User{101, 102}, nil)
	trace := caps("", "SYS_PTRACE")
	changed := user
	changed.Undumpable = true
	for _, c := range []struct {
		what string
		sc   *corev1.SecurityContext
		s    TargetUser
		want bool
	}{
		{"root for root", as(User{}, nil), root, true},
		{"not with SYS_PTRACE", tracer().Security, root, false},
		{"with SYS_PTRACE where the target has it", tracer().Security, subject(User{}, trace), true},
		{"not without it there, which opens nothing", as(User{}, nil), subject(User{}, trace), false},
		{"not root for a user", tracer().Security, user, false},
		{"the user", without(User{101, 102}).Security, user, true},
		{"not another group", without(User{101, 0}).Security, user, false},
		{"nobody for who changed the user", without(User{101, 102}).Security, changed, false},
		{"not one capability more", as(User{}, nil), subject(User{}, caps("KILL")), false},
		{"exactly those", as(User{}, caps("KILL").Capabilities), subject(User{}, caps("CAP_KILL")), true},
		{"not the defaults for who dropped all", as(User{}, nil), subject(User{}, caps("ALL", "CHOWN")), false},
		{"those that were added back", as(User{}, caps("ALL", "CHOWN").Capabilities), subject(User{}, caps("ALL", "CHOWN")), true},
		{"any for who is privileged, that opens it", tracer().Security, subject(User{}, &corev1.SecurityContext{Privileged: new(true)}), true},
		{"no context at all", nil, root, false},
	} {
		if got := Matches(c.sc, c.s); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestOverride(t *testing.T) {
	user := subject(User{101, 102}, nil)
	for _, c := range []struct {
		o    Override
		want string
	}{
		{Override{Profile: ProfileRestricted}, "user 101:102 without capabilities"},
		{Override{Profile: ProfileBaseline}, "root with default capabilities"},
		{Override{Profile: ProfileGeneral}, "root with SYS_PTRACE"},
		{Override{Profile: ProfileNetadmin}, "root with NET_ADMIN, NET_RAW"},
		{Override{User: &User{5, 6}}, "user 5:6 without capabilities"},
		{Override{User: &User{}}, "root with default capabilities"},
		{Override{Capabilities: []string{"cap_sys_time", "KILL"}}, "root with SYS_TIME, KILL"},
		{Override{Profile: ProfileGeneral, Capabilities: []string{"SYS_TIME"}}, "root with SYS_PTRACE, SYS_TIME"},
		{Override{Profile: ProfileRestricted, User: &User{5, 6}}, "user 5:6 without capabilities"},
	} {
		got, err := c.o.Candidate(user)
		if err != nil || got.Name != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.o, got.Name, err, c.want)
		}
	}
	for _, o := range []Override{
		{Profile: "sysadmin"},
		{User: &User{5, 5}, Capabilities: []string{"SYS_TIME"}},
		{Profile: ProfileRestricted, Capabilities: []string{"SYS_TIME"}},
	} {
		if got, err := o.Candidate(user); err == nil {
			t.Errorf("%+v: %q, no error", o, got.Name)
		}
	}
}

func TestMadeFor(t *testing.T) {
	h := Helper{Name: "shareproc-abcde", Access: ReadRoot, Container: "web", By: "anna$(X)"}.Ephemeral()
	for access, want := range map[Access]bool{ReadRoot: true, SeeProcesses: true, ReadAll: false, Signal: false} {
		if got := MadeFor(&h, "web", access); got != want {
			t.Errorf("made for %s: %v", access, got)
		}
	}
	if MadeFor(&h, "other", SeeProcesses) {
		t.Error("made for another container")
	}
	if got := MadeBy(&h); got != "anna$(X)" {
		t.Errorf("made by %q", got)
	}
}

// Policies may demand a read-only root, and the pod's seccomp profile may refuse what a shell needs (fork, for one).
func TestEveryCandidateHasAReadOnlyRootAndTheRuntimesSeccompProfile(t *testing.T) {
	check := func(c Candidate) {
		t.Helper()
		sc := c.Security
		if sc.ReadOnlyRootFilesystem == nil || !*sc.ReadOnlyRootFilesystem || sc.SeccompProfile == nil || sc.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: %+v", c.Name, sc)
		}
	}
	for _, user := range []User{{}, {0, 5}, {1000, 1000}} {
		for _, access := range []Access{SeeProcesses, ReadRoot, Signal, ReadAll, Chroot} {
			for _, c := range Candidates(TargetUser{User: user, Known: true, caps: capabilities{defaults: true}}, access) {
				check(c)
			}
		}
	}
	for _, profile := range append(Profiles(), "") {
		c, err := Override{Profile: profile, User: &User{7, 8}}.Candidate(TargetUser{})
		if err == nil {
			check(c)
		}
	}
}

// A profile of the pod's own may refuse what a shell needs, and the pod's default counts for every container without one.
func TestOurContainersDoNotInheritThePodsSeccompProfile(t *testing.T) {
	own := "profiles/strict.json"
	strict := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: &own}
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{SeccompProfile: strict},
		Containers:      []corev1.Container{{Name: "web", Image: "nginx:1", SecurityContext: &corev1.SecurityContext{SeccompProfile: strict}}},
	}}
	for name, c := range map[string]Copy{"a copy": {}, "a held copy": {Hold: "web"}} {
		c.Name, c.TTL, c.Image = "web-copy", time.Hour, "busybox:1"
		c.Security = Candidates(TargetUserOf(pod, "web"), ReadAll)[0].Security
		made, _ := c.Of(pod)
		ours := 0
		for _, container := range slices.Concat(made.Spec.InitContainers, made.Spec.Containers) {
			if container.Name == "web" {
				continue
			}
			ours++
			if sc := container.SecurityContext; sc == nil || sc.SeccompProfile == nil || sc.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: %s: %+v", name, container.Name, sc)
			}
		}
		if ours == 0 {
			t.Errorf("%s has no container of ours", name)
		}
	}
}
