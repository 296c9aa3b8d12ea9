// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

func nowRunning() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func runningFor(d time.Duration) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(time.Now().Add(-d))}}
}

func newTarget(edit func(*corev1.Pod)) target.Target {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "web"}, {Name: "proxy"}}},
		Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{{Name: "web", ContainerID: "containerd://aaaa", State: nowRunning()}},
		},
	}
	if edit != nil {
		edit(p)
	}
	return target.Target{Pod: p, Container: "web"}
}

// withHelper adds a helper of ours in some state.
func withHelper(name, joins, image string, state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		c := podspec.Helper{Name: name, Image: image, Target: joins, Need: podspec.OpenEvery, Container: "web"}.Ephemeral()
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
}

func TestChoose(t *testing.T) {
	shared := func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(true) }
	both := func(edits ...func(*corev1.Pod)) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			for _, edit := range edits {
				edit(p)
			}
		}
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	own := View{Container: "web"}
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Wanted
		plan     Plan
	}{
		{"a plain pod gets a helper in the target's namespace", nil, Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"a pod that shares gets one in the pod's", shared, Wanted{}, Plan{Way: Ephemeral}},
		{"a pod in the node's process namespace too", func(p *corev1.Pod) { p.Spec.HostPID = true }, Wanted{}, Plan{Way: Ephemeral}},
		{"a running helper is used again", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{}, Plan{Way: Reuse, Helper: "shareproc-a", View: own}},
		{
			"the newest of two, wherever it stands", both(withHelper("shareproc-b", "web", "i", runningFor(0)), withHelper("shareproc-a", "web", "i", runningFor(time.Hour))),
			Wanted{},
			Plan{Way: Reuse, Helper: "shareproc-b", View: own},
		},
		{"not one that has ended", withHelper("shareproc-a", "web", "i", ended), Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"not one beside another container", withHelper("shareproc-a", "proxy", "i", nowRunning()), Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"any one where the pod shares", both(shared, withHelper("shareproc-a", "", "i", nowRunning())), Wanted{}, Plan{Way: Reuse, Helper: "shareproc-a"}},
		{"not one of another image than asked for", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{Image: "j"}, Plan{Way: Ephemeral, View: own}},
		{"one of the image asked for", withHelper("shareproc-a", "web", "j", nowRunning()), Wanted{Image: "j"}, Plan{Way: Reuse, Helper: "shareproc-a", View: own}},
		{"not somebody else's debugger", func(p *corev1.Pod) {
			withHelper("debugger-a", "web", "i", nowRunning())(p)
		}, Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"a copy only when asked for, helper or not", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{Copy: true}, Plan{Way: Copy}},
		{"a copy of a pod that has finished", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, Wanted{Copy: true}, Plan{Way: Copy}},
		{"the shell of a copy is a helper", both(shared, func(p *corev1.Pod) {
			p.Labels = map[string]string{podspec.LabelManagedBy: podspec.ManagedBy}
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "shareproc", Stdin: true, TTY: true})
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "shareproc", State: nowRunning()})
		}), Wanted{}, Plan{Way: Reuse, Helper: "shareproc"}},
	} {
		if c.want.Need == "" {
			c.want.Need = podspec.OpenRoot
		}
		got, err := Choose(newTarget(c.edit), c.want)
		if err != nil || got.Way != c.plan.Way || got.Helper != c.plan.Helper || got.View != c.plan.View {
			t.Errorf("%s: got %+v, %v", c.sentence, got, err)
		}
	}
	deleted := both(withHelper("shareproc-a", "web", "i", nowRunning()), func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) })
	if got, err := Choose(newTarget(deleted), Wanted{Need: podspec.OpenRoot}); err != nil || got.Way != Reuse {
		t.Errorf("a helper in a pod that is being deleted: %+v, %v", got, err)
	}
	if got, err := Choose(newTarget(deleted), Wanted{Need: podspec.OpenRoot, Except: "shareproc-a"}); err == nil {
		t.Errorf("a new one in a pod that is being deleted: %+v", got)
	}
	if _, err := Choose(newTarget(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), Wanted{}); err == nil {
		t.Error("a finished pod has no processes to see")
	}
}

// cluster is a fake API server with a kubelet that starts what is added, and a policy.
type cluster struct {
	*fake.Clientset
	// refuse is asked for each security context, in a dry run and else.
	refuse func(*corev1.SecurityContext) error
	// state is what the kubelet makes of a new container.
	state corev1.ContainerState
	// sights are what looks through helpers find, in turn; the last one again and again.
	sights []Sight
	// denied are the permissions that the user lacks ("patch pods/ephemeralcontainers").
	denied []string

	mu   sync.Mutex
	said []string
}

func newCluster(t target.Target) *cluster {
	c := &cluster{Clientset: fake.NewClientset(t.Pod), state: nowRunning(), refuse: func(*corev1.SecurityContext) error { return nil }}
	c.PrependReactor("create", "selfsubjectaccessreviews", c.review)
	c.PrependReactor("patch", "pods", c.patch)
	c.PrependReactor("create", "pods", c.create)
	return c
}

func (c *cluster) opener() *Opener {
	return &Opener{Client: c, Options: Options{
		Image: "busybox:1.37.0-musl", Keep: time.Minute, TTL: time.Hour, Timeout: 5 * time.Second,
		Say: func(format string, args ...any) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.said = append(c.said, fmt.Sprintf(format, args...))
		},
		Look: func(context.Context, Session) (Sight, error) {
			if len(c.sights) == 0 {
				return Sight{Text: "it sees processes and files"}, nil
			}
			sight := c.sights[0]
			if len(c.sights) > 1 {
				c.sights = c.sights[1:]
			}
			return sight, nil
		},
	}}
}

func (c *cluster) review(a clienttesting.Action) (bool, runtime.Object, error) {
	review := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
	r := review.Spec.ResourceAttributes
	name := strings.TrimSuffix(r.Verb+" "+r.Resource+"/"+r.Subresource, "/")
	review.Status.Allowed = !slices.Contains(c.denied, name)
	return true, review, nil
}

func (c *cluster) patch(a clienttesting.Action) (bool, runtime.Object, error) {
	patch := a.(clienttesting.PatchActionImpl)
	var body HelperPatch
	if err := json.Unmarshal(patch.GetPatch(), &body); err != nil {
		return true, nil, err
	}
	helper := body.Spec.EphemeralContainers[0]
	if err := c.refuse(helper.SecurityContext); err != nil {
		return true, nil, err
	}
	if slices.Contains(patch.PatchOptions.DryRun, metav1.DryRunAll) {
		return true, &corev1.Pod{}, nil
	}
	pods := c.Tracker()
	gvr := corev1.SchemeGroupVersion.WithResource("pods")
	object, err := pods.Get(gvr, patch.Namespace, patch.Name)
	if err != nil {
		return true, nil, err
	}
	p := object.(*corev1.Pod).DeepCopy()
	p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, helper)
	p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: helper.Name, State: c.state})
	return true, p, pods.Update(gvr, p, patch.Namespace)
}

func (c *cluster) create(a clienttesting.Action) (bool, runtime.Object, error) {
	create := a.(clienttesting.CreateActionImpl)
	p := create.GetObject().(*corev1.Pod).DeepCopy()
	shell := p.Spec.Containers[len(p.Spec.Containers)-1]
	if err := c.refuse(shell.SecurityContext); err != nil {
		return true, nil, err
	}
	if slices.Contains(create.CreateOptions.DryRun, metav1.DryRunAll) {
		return true, p, nil
	}
	p.Status.ContainerStatuses = nil
	for i := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: p.Spec.Containers[i].Name, State: c.state})
	}
	return true, p, c.Tracker().Create(corev1.SchemeGroupVersion.WithResource("pods"), p, p.Namespace)
}

// writes lists the requests that changed something, dry runs and questions left out.
func (c *cluster) writes() []string {
	var list []string
	for _, a := range c.Actions() {
		switch a := a.(type) {
		case clienttesting.PatchActionImpl:
			if len(a.PatchOptions.DryRun) == 0 {
				list = append(list, "patch "+a.GetResource().Resource+"/"+a.GetSubresource())
			}
		case clienttesting.CreateActionImpl:
			if len(a.CreateOptions.DryRun) == 0 && a.GetResource().Resource == "pods" {
				list = append(list, "create pod")
			}
		case clienttesting.DeleteActionImpl:
			list = append(list, "delete pod")
		}
	}
	return list
}

func plan(t *testing.T, target target.Target, want Wanted) Plan {
	t.Helper()
	if want.Need == "" {
		want.Need = podspec.OpenEvery
	}
	plan, err := Choose(target, want)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func open(t *testing.T, c *cluster, target target.Target, want Wanted) (Session, error) {
	t.Helper()
	return c.opener().Open(t.Context(), target, plan(t, target, want))
}

func forbidden(text string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(text))
}

func TestOpenAddsOneHelper(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	s, err := open(t, c, target, Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.New || s.Copy || s.View.Container != "web" || !strings.HasPrefix(s.Container, podspec.NamePrefix) {
		t.Errorf("got %+v", s)
	}
	if got := strings.Join(c.writes(), ", "); got != "patch pods/ephemeralcontainers" {
		t.Errorf("changed the cluster by: %s", got)
	}
}

func TestOpenReusesWithoutARequest(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	c := newCluster(target)
	s, err := open(t, c, target, Wanted{})
	if err != nil || s.Container != "shareproc-a" || s.New {
		t.Fatalf("got %+v, %v", s, err)
	}
	if n := len(c.Actions()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A policy such as Pod Security's decides, in a dry run, which context is used.
func TestOpenTakesTheFirstAdmittedContext(t *testing.T) {
	target := newTarget(func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].User = &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 101, GID: 102}}
	})
	c := newCluster(target)
	c.refuse = func(sc *corev1.SecurityContext) error {
		if len(sc.Capabilities.Add) > 0 {
			return forbidden("violates PodSecurity")
		}
		return nil
	}
	s, err := open(t, c, target, Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sc := p.Spec.EphemeralContainers[0].SecurityContext
	if *sc.RunAsUser != 101 || *sc.RunAsGroup != 102 || sc.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%s runs with %+v", s.Container, sc)
	}
	if len(c.writes()) != 1 {
		t.Errorf("changed the cluster by: %v", c.writes())
	}
}

func TestOpenSaysEveryRefusal(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.refuse = func(*corev1.SecurityContext) error { return forbidden("not in this house") }
	_, err := open(t, c, target, Wanted{})
	if err == nil || strings.Count(err.Error(), "not in this house") != 3 || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
	if len(c.writes()) != 0 {
		t.Errorf("changed the cluster by: %v", c.writes())
	}
}

func TestOpenWithoutPermissionChangesNothingAndPrintsTheRule(t *testing.T) {
	for _, c := range []struct {
		denied string
		want   Wanted
		rule   string
	}{
		{"patch pods/ephemeralcontainers", Wanted{}, `resources: ["pods/ephemeralcontainers"]` + "\n" + `  verbs: ["patch"]`},
		{"create pods/exec", Wanted{}, `resources: ["pods/exec"]` + "\n" + `  verbs: ["create"]`},
		{"create pods", Wanted{Copy: true}, `resources: ["pods"]` + "\n" + `  verbs: ["create"]`},
		{"delete pods", Wanted{Copy: true}, `resources: ["pods"]` + "\n" + `  verbs: ["delete"]`},
	} {
		target := newTarget(nil)
		cluster := newCluster(target)
		cluster.denied = []string{c.denied}
		_, err := open(t, cluster, target, c.want)
		if err == nil || !strings.Contains(hint.Of(err), c.rule) {
			t.Errorf("%s denied: %v, try %q", c.denied, err, hint.Of(err))
		}
		if len(cluster.writes()) != 0 {
			t.Errorf("%s denied: changed the cluster by: %v", c.denied, cluster.writes())
		}
	}
}

func TestWaitEndsAtOnceForFinalReasons(t *testing.T) {
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "the kubelet's words"}}
	}
	for _, state := range []corev1.ContainerState{
		waiting("ErrImagePull"), waiting("ImagePullBackOff"), waiting("InvalidImageName"), waiting("ErrImageNeverPull"),
		waiting("CreateContainerConfigError"), waiting("CreateContainerError"), waiting("RunContainerError"),
		{Terminated: &corev1.ContainerStateTerminated{Reason: "StartError", Message: "the kubelet's words", ExitCode: 128}},
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			target := newTarget(nil)
			c := newCluster(target)
			c.state = state
			_, err := open(t, c, target, Wanted{})
			if err == nil || !strings.Contains(err.Error(), "the kubelet's words") {
				t.Errorf("%+v: got %v", state, err)
			}
		})
	}
}

func TestWaitEndsWithItsTimeout(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	o := c.opener()
	o.Timeout = 10 * time.Millisecond
	_, err := o.Open(t.Context(), target, plan(t, target, Wanted{}))
	if err == nil || !strings.Contains(err.Error(), "ContainerCreating") || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWithTheContextsCause(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	c.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(cause)
		return false, nil, nil
	})
	_, err := c.opener().Open(ctx, target, plan(t, target, Wanted{}))
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestCopyIsDeletedByClose(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	s, err := open(t, c, target, Wanted{Copy: true})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Copy || !s.View.Pod() || s.Container != "shareproc" || !strings.HasPrefix(s.Pod, "web-shareproc-") {
		t.Errorf("got %+v", s)
	}
	// As after Ctrl-C.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.opener().Close(ctx, s); err != nil {
		t.Fatal(err)
	}
	list, err := c.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "web" {
		t.Errorf("left: %v, %v", list.Items, err)
	}
}

func TestCopyNamesAreHostNames(t *testing.T) {
	for _, pod := range []string{"web", strings.Repeat("a", 253), strings.Repeat("a", 46) + "-.b"} {
		name := nameFor(pod)
		if len(name) > 63 || strings.Contains(name, "-.-") || strings.Contains(name, "--") {
			t.Errorf("nameFor(%q) = %q", pod, name)
		}
	}
}

func TestGuardEndsWithThePod(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	s := Session{Namespace: "shop", Pod: "web", Container: "shareproc-a"}
	o := newCluster(target).opener()
	if err := o.alive(t.Context(), s); err != nil {
		t.Errorf("a running helper: %v", err)
	}
	ended := newTarget(withHelper("shareproc-a", "web", "i", corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}))
	if err := newCluster(ended).opener().alive(t.Context(), s); err == nil {
		t.Error("a helper that has ended is taken for alive")
	}
	if err := newCluster(ended).opener().Ended(t.Context(), s); err == nil || hint.Of(err) == "" {
		t.Errorf("a helper that has ended: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := o.Ended(short, s); err != nil {
		t.Errorf("a running helper has ended: %v", err)
	}
	gone := s
	gone.Pod = "gone"
	if err := o.alive(t.Context(), gone); err == nil {
		t.Error("a pod that is gone is taken for alive")
	}
}

func TestCommandHidesTheHelpersOwnVariables(t *testing.T) {
	_, list, _ := strings.Cut(runScript, "unset ")
	list, _, _ = strings.Cut(list, ";")
	hidden := strings.Fields(list)
	for _, v := range (podspec.Helper{By: "anna"}).Ephemeral().Env {
		if !slices.Contains(hidden, v.Name) {
			t.Errorf("%q does not unset %s", runScript, v.Name)
		}
	}
}

// The mark must neither change the command's words nor its exit code.
func TestCommandPassesWordsAndExitCode(t *testing.T) {
	argv := NewCommand([]string{"sh", "-c", `printf '%s|' "$@"; exit 7`, "x", "a b", "$HOME", "'\"\n"}).Argv()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skip("no sh on this machine")
	}
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if want := "a b|$HOME|'\"\n|"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
		t.Errorf("got %v", err)
	}
}
