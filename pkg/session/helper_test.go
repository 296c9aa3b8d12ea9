// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// as makes the target's container run as a user, by the kubelet's word.
func as(uid, gid int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].User = &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: uid, GID: gid}}
	}
}

// met is the target as a look finds it.
func met(t target.Target, uid, gid int64, undumpable bool) podspec.TargetUser {
	return podspec.TargetUserOf(t.Pod, t.Container).Observed(podspec.User{UID: uid, GID: gid}, undumpable)
}

// contexts names the security contexts of the helpers that were added: "UID:GID" and what is added and dropped.
func (c *fakeAPI) contexts(t *testing.T) string {
	t.Helper()
	p, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range p.Spec.EphemeralContainers {
		if sc := e.SecurityContext; sc != nil {
			text := fmt.Sprintf("%d:%d", *sc.RunAsUser, *sc.RunAsGroup)
			if sc.Capabilities != nil {
				text += fmt.Sprintf(" +%v -%v", sc.Capabilities.Add, sc.Capabilities.Drop)
			}
			list = append(list, text)
		}
	}
	return strings.Join(list, "; ")
}

const (
	trace  = "0:0 +[SYS_PTRACE] -[]"
	user   = "101:102 +[] -[ALL]"
	nobody = "65534:65534 +[] -[ALL]"
)

func noCapability(sc *corev1.SecurityContext) error {
	if sc.Capabilities != nil && len(sc.Capabilities.Add) > 0 {
		return forbidden("no capability is added here")
	}
	return nil
}

func restricted(sc *corev1.SecurityContext) error {
	if *sc.RunAsUser == 0 {
		return forbidden("nobody is root here")
	}
	return noCapability(sc)
}

func TestHelpersPerNeed(t *testing.T) {
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Request
		refuse   func(*corev1.SecurityContext) error
		// visibilities are (uid, gid, denied, undumpable) of each look.
		visibilities []seen
		added        string
		text         string
	}{
		{"files of root need no added capability", as(0, 0), Request{Access: podspec.ReadRoot}, nil, nil, "0:0", ""},
		{"files of a user need that user", as(101, 102), Request{Access: podspec.ReadRoot}, nil, nil, user, ""},
		{"everything needs SYS_PTRACE", as(101, 102), Request{Access: podspec.ReadAll}, nil, nil, trace, ""},
		{"where it is refused, the next best that opens the root", as(101, 102), Request{Access: podspec.ReadAll}, restricted, nil, user, "root with SYS_PTRACE denied by admission; falling back to"},
		{
			"who is not known is taken for root, and matched once it is", nil,
			Request{Access: podspec.ReadRoot},
			nil,
			[]seen{{101, 102, true, false}, {101, 102, false, false}},
			"0:0; " + user, "runs as 101:102",
		},
		{
			"under restricted one without access looks first", nil,
			Request{Access: podspec.ReadRoot},
			restricted,
			[]seen{{101, 102, true, false}, {101, 102, false, false}},
			nobody + "; " + user, "",
		},
		{
			"who changed the user needs SYS_PTRACE", as(0, 0),
			Request{Access: podspec.ReadRoot},
			nil,
			[]seen{{101, 102, true, true}, {101, 102, false, false}},
			"0:0; " + trace, "",
		},
		{
			"who changed the user where that is refused: what there is, and why", as(0, 0),
			Request{Access: podspec.ReadRoot},
			noCapability,
			[]seen{{101, 102, true, true}},
			"0:0", "no capability is added here",
		},
		{"a list needs no second helper", nil, Request{Access: podspec.SeeProcesses}, restricted, []seen{{101, 102, true, false}}, nobody, ""},
		{
			"what the user decides is not bettered", as(101, 102),
			Request{Access: podspec.ReadRoot, Override: podspec.Override{Profile: podspec.ProfileBaseline}},
			nil,
			[]seen{{101, 102, true, false}},
			"0:0", "",
		},
	} {
		target := newTarget(c.edit)
		cl := newCluster(target)
		if c.refuse != nil {
			cl.refuse = c.refuse
		}
		for _, l := range c.visibilities {
			cl.visibilities = append(cl.visibilities, visibility{TargetUser: met(target, l.uid, l.gid, l.undumpable), Denied: l.denied, Text: "what it sees"})
		}
		s, err := open(t, cl, target, c.want)
		if err != nil || !s.Running {
			t.Errorf("%s: %+v, %v", c.sentence, s, err)
			continue
		}
		if got := cl.contexts(t); got != c.added {
			t.Errorf("%s: added %q, want %q", c.sentence, got, c.added)
		}
		if said := strings.Join(cl.said, "\n"); !strings.Contains(said, c.text) {
			t.Errorf("%s: said %q, want %q in it", c.sentence, said, c.text)
		}
	}
}

type seen struct {
	uid, gid           int64
	denied, undumpable bool
}

// A helper for a process of another container is not taken for the best there is for the target.
func TestHelperForAnotherContainersProcessIsNotTheTargets(t *testing.T) {
	target := newTarget(as(101, 102))
	other := met(target, 5, 6, false)
	for _, c := range []struct {
		want Request
		made bool
	}{
		{Request{Access: podspec.ReadRoot}, true},
		{Request{Access: podspec.ReadRoot, TargetUser: &other}, true},
		{Request{Access: podspec.ReadRoot, AnyProcess: true}, true},
		{Request{Access: podspec.ReadRoot, AnyProcess: true, TargetUser: &other}, false},
	} {
		cl := newCluster(target)
		if _, err := open(t, cl, target, c.want); err != nil {
			t.Fatal(err)
		}
		pod, err := cl.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := podspec.MadeFor(&pod.Spec.EphemeralContainers[0], "web", podspec.ReadRoot); got != c.made {
			t.Errorf("%+v: made for the target: %v", c.want, got)
		}
	}
}

// A helper that is there already is not added a second time, whatever led to the same security context.
func TestNoHelperHasATwin(t *testing.T) {
	target := newTarget(as(0, 0))
	c := newCluster(target)
	c.refuse = noCapability
	first, err := open(t, c, target, Request{Access: podspec.ReadRoot})
	if err != nil {
		t.Fatal(err)
	}
	pod, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target.Pod = pod
	for i := range pod.Spec.EphemeralContainers {
		pod.Spec.EphemeralContainers[i].Image = c.opener().Image
	}
	for _, want := range []Request{{Access: podspec.ReadAll}, {Access: podspec.ReadRoot, ExcludeHelper: first.Container}} {
		s, err := open(t, c, target, want)
		if err != nil || s.New || s.Container != first.Container {
			t.Errorf("%+v: got %+v, %v", want, s, err)
		}
	}
	if got := c.contexts(t); got != "0:0" {
		t.Errorf("added %q", got)
	}
}

func TestHelperForOneNeedServesAnother(t *testing.T) {
	made := func(access podspec.Access, c podspec.Candidate) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			as(101, 102)(p)
			h := podspec.Helper{Name: "shareproc-a", Image: "i", Target: "web", Access: access, Container: "web", Security: c.Security}.Ephemeral()
			p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, h)
			p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: h.Name, State: nowRunning()})
		}
	}
	subject := podspec.TargetUserOf(newTarget(as(101, 102)).Pod, "web")
	files, every := podspec.Candidates(subject, podspec.ReadRoot)[0], podspec.Candidates(subject, podspec.ReadAll)
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Request
		way      Mode
	}{
		{"files' for a list", made(podspec.ReadRoot, files), Request{Access: podspec.SeeProcesses}, Reuse},
		{"files' for signals", made(podspec.ReadRoot, files), Request{Access: podspec.Signal}, Reuse},
		{"files' not for everything", made(podspec.ReadRoot, files), Request{Access: podspec.ReadAll}, Ephemeral},
		{"everything's for files, where it is the target's user", made(podspec.ReadAll, every[1]), Request{Access: podspec.ReadRoot}, Reuse},
		{"not where it has more rights than the target", made(podspec.ReadAll, every[0]), Request{Access: podspec.ReadRoot}, Ephemeral},
		{"the best that was admitted for everything", made(podspec.ReadAll, every[1]), Request{Access: podspec.ReadAll}, Reuse},
		{"the one that opens everything, old or not", func(p *corev1.Pod) {
			made(podspec.ReadRoot, files)(p)
			strong := podspec.Helper{Name: "shareproc-z", Image: "i", Target: "web", Security: every[0].Security}.Ephemeral()
			p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, strong)
			p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: strong.Name, State: runningFor(time.Hour)})
		}, Request{Access: podspec.Signal, ExcludeHelper: "shareproc-a"}, Reuse},
		{"not one that did not do", made(podspec.ReadRoot, files), Request{Access: podspec.ReadRoot, ExcludeHelper: "shareproc-a"}, Ephemeral},
		{"not one that the user does not want", made(podspec.ReadRoot, files), Request{Access: podspec.ReadRoot, Override: podspec.Override{Profile: podspec.ProfileGeneral}}, Ephemeral},
		{"one that is as the user wants it", made("", every[0]), Request{Access: podspec.ReadRoot, Override: podspec.Override{Profile: podspec.ProfileGeneral}}, Reuse},
	} {
		if got, err := Choose(newTarget(c.edit), c.want, rbac.Permissions{}); err != nil || got.Mode != c.way {
			t.Errorf("%s: got %s, %v", c.sentence, got.Mode, err)
		}
	}
}

// Policies are asked about the pod as a whole: an ephemeral container that violates today's keeps out every other.
func TestSomebodyElsesHelperIsBorrowedWhereNoneIsAdmitted(t *testing.T) {
	target := newTarget(func(p *corev1.Pod) {
		for _, name := range []string{"debugger-a", "debugger-b"} {
			c := corev1.EphemeralContainer{TargetContainerName: "web"}
			c.Name = name
			p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		}
		p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "debugger-a", State: nowRunning()}}
	})
	c := newCluster(target)
	c.refuse = func(*corev1.SecurityContext) error { return forbidden("debugger-b violates the policy") }
	s, err := open(t, c, target, Request{Access: podspec.ReadRoot})
	if err != nil || s.Container != "debugger-a" || s.New || !s.Running {
		t.Errorf("got %+v, %v", s, err)
	}
	c.visibilities = []visibility{{Denied: true}}
	if s, err := open(t, c, target, Request{Access: podspec.ReadRoot}); err == nil || !strings.Contains(err.Error(), "violates the policy") {
		t.Errorf("one that opens nothing: got %+v, %v", s, err)
	}
	if s, err := open(t, c, target, Request{Access: podspec.SeeProcesses}); err != nil || s.Container != "debugger-a" {
		t.Errorf("one that lists: got %+v, %v", s, err)
	}
}

func TestALookThatFailsIsTheEnd(t *testing.T) {
	target := newTarget(as(0, 0))
	c := newCluster(target)
	o := c.opener()
	broken := errors.New("find stat in the helper: no such program")
	o.look = func(context.Context, Session) (visibility, error) { return visibility{}, broken }
	s, err := o.Open(t.Context(), target, plan(t, target, Request{}))
	if !errors.Is(err, broken) || !s.New || !s.Running {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestAHelperIsAddedInOneLine(t *testing.T) {
	for _, c := range []struct{ pod, rights, want string }{
		{"nginx", "root with default capabilities", "added helper shareproc-x2m8q to pod/nginx (root; exits if idle 10m)"},
		{"nginx", "root with SYS_PTRACE", "added helper shareproc-x2m8q to pod/nginx (root, SYS_PTRACE; exits if idle 10m)"},
		{"api", "user 65534:65534 without capabilities", "added helper shareproc-x2m8q to pod/api (user 65534:65534, no capabilities)"},
		{strings.Repeat("long-", 10) + "name", "root with SYS_PTRACE", "added helper shareproc-x2m8q to pod/" + strings.Repeat("long-", 10) + "name"},
	} {
		if got := addedLine("shareproc-x2m8q", c.pod, c.rights, "exits if idle 10m"); got != c.want || len(c.pod) < 20 && len(got) > screen {
			t.Errorf("%d columns: %q, want %q", len(got), got, c.want)
		}
	}
}
