// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// current is the target as the cluster has it now.
func (c *fakeAPI) current(t *testing.T) target.Target {
	t.Helper()
	pod, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return target.Target{Pod: pod, Container: "web"}
}

func dropAll(c *corev1.EphemeralContainer) {
	c.SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
}

func asUser1000(c *corev1.EphemeralContainer) {
	c.SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(1000)), RunAsNonRoot: new(true)}
}

// What admission makes of a helper is what it is: said, and not made a second time under another name.
func TestWhatAdmissionMakesIsSaidAndNotDoubled(t *testing.T) {
	for _, c := range []struct {
		what        string
		mutate      func(*corev1.EphemeralContainer)
		short, said string
	}{
		{"capabilities dropped", dropAll, "root, no capabilities", "root without capabilities"},
		{"another user", asUser1000, "user 1000", "user 1000 with default capabilities"},
	} {
		cl := newCluster(newTarget(as(0, 0)))
		cl.mutate = c.mutate
		for _, access := range []podspec.Access{podspec.ReadRoot, podspec.ReadAll, podspec.Chroot} {
			now := cl.current(t)
			cl.visibilities = []visibility{{TargetUser: met(now, 0, 0, false), Denied: true, Text: "cannot read files"}}
			if s, err := open(t, cl, now, Request{Access: access}); err != nil || !s.Running {
				t.Fatalf("%s, %s: %+v, %v", c.what, access, s, err)
			}
		}
		if n := len(cl.current(t).Pod.Spec.EphemeralContainers); n != 1 {
			t.Errorf("%s: %d helpers: %s", c.what, n, strings.Join(cl.said, "\n"))
		}
		said := strings.Join(cl.said, "\n")
		if !strings.Contains(said, "to pod/web ("+c.short) || !strings.Contains(said, " to "+c.said+"\n") {
			t.Errorf("%s: said %s", c.what, said)
		}
	}
}

// A security context that is left as it is beats one that admission makes less of.
func TestTheContextThatAdmissionLeavesAloneIsTaken(t *testing.T) {
	now := newTarget(as(101, 102))
	cl := newCluster(now)
	cl.mutate = func(c *corev1.EphemeralContainer) {
		if *c.SecurityContext.RunAsUser == 0 {
			dropAll(c)
		}
	}
	if _, err := open(t, cl, now, Request{Access: podspec.ReadAll}); err != nil {
		t.Fatal(err)
	}
	if got := cl.contexts(t); got != user {
		t.Errorf("added %q, want %q", got, user)
	}
}

func TestAnImageThatAdmissionReplacesIsSaidAndUsedAgain(t *testing.T) {
	cl := newCluster(newTarget(as(0, 0)))
	cl.mutate = func(c *corev1.EphemeralContainer) { c.Image = "mirror/busybox" }
	for range 2 {
		if _, err := open(t, cl, cl.current(t), Request{Access: podspec.ReadAll}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(cl.current(t).Pod.Spec.EphemeralContainers); n != 1 {
		t.Errorf("%d helpers", n)
	}
	if said := strings.Join(cl.said, "\n"); !strings.Contains(said, "replaced image busybox:1.37.0-musl with mirror/busybox") {
		t.Errorf("said %s", said)
	}
}

// Twenty first commands at once share one helper: all but one wait for it.
func TestFirstCommandsAtOnceShareOneHelper(t *testing.T) {
	now := newTarget(as(0, 0))
	cl := newCluster(now)
	cl.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	var mu sync.Mutex
	gets := 0
	cl.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		mu.Lock()
		defer mu.Unlock()
		gets++
		gvr := corev1.SchemeGroupVersion.WithResource("pods")
		object, err := cl.Tracker().Get(gvr, "shop", "web")
		if err != nil {
			return true, nil, err
		}
		p := object.(*corev1.Pod).DeepCopy()
		// The kubelet takes its time, until all of them have asked.
		for i := range p.Status.EphemeralContainerStatuses {
			if gets > 25 {
				p.Status.EphemeralContainerStatuses[i].State = nowRunning()
			}
		}
		return true, p, nil
	})
	var all sync.WaitGroup
	used := make([]string, 20)
	for i := range used {
		all.Go(func() {
			s, err := open(t, cl, now, Request{Access: podspec.ReadRoot})
			if err != nil {
				t.Error(err)
			}
			used[i] = s.Container
		})
	}
	all.Wait()
	slices.Sort(used)
	if used = slices.Compact(used); len(used) != 1 {
		t.Errorf("used %q", used)
	}
	if got := cl.contexts(t); got != "0:0" {
		t.Errorf("added %q", got)
	}
}

// One that ends while it is awaited, or that the kubelet says nothing of, is not waited for any longer.
func TestAHelperThatDoesNotStartIsNotAwaitedForEver(t *testing.T) {
	now := newTarget(as(0, 0))
	context := podspec.Candidates(podspec.TargetUserOf(now.Pod, "web"), podspec.ReadRoot)[0].Security
	stuck := podspec.Helper{Name: "shareproc-stuck", Image: "busybox:1.37.0-musl", Target: "web", Security: context}.Ephemeral()
	now.Pod.Spec.EphemeralContainers = append(now.Pod.Spec.EphemeralContainers, stuck)
	cl := newCluster(now)
	o := cl.opener()
	o.Timeout = 500e6
	s, err := o.Open(t.Context(), now, plan(t, now, Request{Access: podspec.ReadRoot}))
	if err != nil || !s.New || s.Container == "shareproc-stuck" {
		t.Errorf("got %+v, %v", s, err)
	}
}

func quota(why string) error {
	return apierrors.NewForbidden(corev1.Resource("pods"), "web", errors.New(why))
}

// Each kind of refusal has its own sentence and a way out that is not the command which was refused.
func TestRefusalsByKind(t *testing.T) {
	invalid := func(errs ...*field.Error) error {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "web", errs)
	}
	path := field.NewPath("spec", "containers").Index(2)
	for _, c := range []struct {
		what      string
		err       error
		text, try string
		every     bool
	}{
		{"a quota that is used up", quota("exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"), "the quota of the namespace", "describe resourcequota -n shop", false},
		{"a quota that small limits do not satisfy", quota("failed quota: q: must specify limits.nvidia.com/gpu for: shareproc"), "the quota of the namespace", "describe resourcequota", false},
		{"what a sidecar injector doubles", invalid(field.Duplicate(path.Child("name"), "proxy")), "adds something that the pod already has", "--keep-annotations", false},
		{"a webhook that is down", apierrors.NewInternalError(errors.New(`failed calling webhook "x"`)), "admission failed", "webhookconfigurations", false},
		{"an image that is none", invalid(field.Invalid(path.Child("image"), " x", "must not have leading whitespace")), "rejects it as invalid", "use another --image", false},
		{"a variable that is none", invalid(field.Invalid(path.Child("env").Index(0).Child("name"), "a b", "no")), "rejects it as invalid", "use another --env", false},
		{"a name", invalid(field.Invalid(field.NewPath("metadata", "name"), "a_b", "no")), "rejects it as invalid", "debug web without --copy", false},
		{"a security context", invalid(field.Invalid(path.Child("securityContext", "capabilities"), "x", "no")), "", "debug web without --copy", true},
		{"a policy's own words", apierrors.NewForbidden(corev1.Resource("pods"), "web", errors.New("exceeded my patience")), "", "debug web without --copy", true},
		{"a policy without a field", &apierrors.StatusError{ErrStatus: metav1.Status{
			Reason: metav1.StatusReasonInvalid, Code: 422, Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Message: "no"}}},
		}}, "", "debug web without --copy", true},
	} {
		now := newTarget(nil)
		cl := newCluster(now)
		cl.refusePod = func(*corev1.Pod) error { return c.err }
		_, err := open(t, cl, now, Request{Copy: true})
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(hint.Of(err), c.try) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v; try %q", c.what, err, hint.Of(err))
			continue
		}
		if strings.Contains(err.Error(), "every security context") != c.every || strings.Contains(hint.Of(err), "--copy)") {
			t.Errorf("%s: %v; try %q", c.what, err, hint.Of(err))
		}
		if n := len(cl.writes()); n != 0 {
			t.Errorf("%s: changed the cluster by %q", c.what, cl.writes())
		}
	}
}

// Where the quota wants limits, a copy gets small ones of our own.
func TestACopyGetsTheLimitsThatAQuotaWants(t *testing.T) {
	for _, want := range []Request{{Copy: true}, {Copy: true, Hold: true}} {
		now := newTarget(nil)
		cl := newCluster(now)
		cl.refusePod = func(p *corev1.Pod) error {
			for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
				if strings.HasPrefix(c.Name, "shareproc") && (c.Resources.Limits.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero()) {
					return quota("failed quota: q: must specify limits.cpu for: " + c.Name)
				}
			}
			return nil
		}
		s, err := open(t, cl, now, want)
		if err != nil || !s.Running {
			t.Errorf("%+v: %+v, %v", want, s, err)
		}
	}
}

// A webhook without a dry run is no refusal of anything.
func TestAWebhookWithoutADryRunDoesNotStandInTheWay(t *testing.T) {
	now := newTarget(as(0, 0))
	cl := newCluster(now)
	cl.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		dry := len(a.(clienttesting.PatchActionImpl).PatchOptions.DryRun) > 0
		return dry, nil, apierrors.NewBadRequest(`admission webhook "x" does not support dry run`)
	})
	s, err := open(t, cl, now, Request{Access: podspec.ReadRoot})
	if err != nil || !s.New {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestManyEndedHelpersAreCounted(t *testing.T) {
	for n, want := range map[int]bool{49: false, 50: true} {
		now := newTarget(func(p *corev1.Pod) {
			as(0, 0)(p)
			for i := range n {
				withHelper("shareproc-"+string(rune('a'+i/26))+string(rune('a'+i%26)), "web", "i",
					corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}})(p)
			}
		})
		cl := newCluster(now)
		if _, err := open(t, cl, now, Request{Access: podspec.ReadRoot}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(cl.said, "\n"), "50 helpers that exited"); got != want {
			t.Errorf("%d: said %q", n, cl.said)
		}
	}
}
