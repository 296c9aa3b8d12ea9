// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// dropping makes the server take shareProcessNamespace out of pods, in dry runs too or only else.
func (c *fakeAPI) dropping(dryToo bool) {
	c.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create := a.(clienttesting.CreateActionImpl)
		handled, object, err := c.create(a)
		if err != nil || len(create.CreateOptions.DryRun) > 0 && !dryToo {
			return handled, object, err
		}
		p := object.(*corev1.Pod).DeepCopy()
		p.Spec.ShareProcessNamespace = nil
		return true, p, nil
	})
}

func TestCopyThatLosesItsSharing(t *testing.T) {
	for _, c := range []struct {
		sentence string
		dryToo   bool
		writes   string
	}{
		{"a dry run tells, and nothing is made", true, ""},
		{"what is made without it is deleted", false, "create pod, delete pod"},
	} {
		target := newTarget(nil)
		cl := newCluster(target)
		cl.dropping(c.dryToo)
		s, err := open(t, cl, target, Request{Copy: true})
		if !errors.Is(err, admission.ErrDropped) || !strings.Contains(err.Error(), "shareProcessNamespace") || !strings.Contains(hint.Of(err), "without --copy") {
			t.Errorf("%s: %+v, %v", c.sentence, s, err)
		}
		if err := cl.opener().Close(t.Context(), s); err != nil {
			t.Errorf("%s: %v", c.sentence, err)
		}
		if got := strings.Join(cl.writes(), ", "); got != c.writes {
			t.Errorf("%s: changed the cluster by %q", c.sentence, got)
		}
	}
}

func webDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ResourceVersion: "1"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}},
		},
	}
}

// workshop adds a Deployment, whose patches edit may change; a dry run changes nothing.
func (c *fakeAPI) workshop(t *testing.T, d *appsv1.Deployment, edit func(d *appsv1.Deployment, dry bool)) {
	t.Helper()
	if err := c.Tracker().Add(d); err != nil {
		t.Fatal(err)
	}
	apply := clienttesting.ObjectReaction(c.Tracker())
	gvr := appsv1.SchemeGroupVersion.WithResource("deployments")
	c.PrependReactor("patch", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		patch := a.(clienttesting.PatchActionImpl)
		before, err := c.Tracker().Get(gvr, patch.Namespace, patch.Name)
		if err != nil {
			return true, nil, err
		}
		before = before.DeepCopyObject()
		_, object, err := apply(a)
		if err != nil {
			return true, nil, err
		}
		dry := len(patch.PatchOptions.DryRun) > 0
		d := object.(*appsv1.Deployment).DeepCopy()
		edit(d, dry)
		if dry {
			return true, d, c.Tracker().Update(gvr, before, patch.Namespace)
		}
		return true, d, c.Tracker().Update(gvr, d, patch.Namespace)
	})
}

func (c *fakeAPI) planPatch(t *testing.T, o *opener) (patch.Plan, error) {
	t.Helper()
	return patch.NewPlan(t.Context(), o.Cluster, patch.Request{Workload: target.Workload{Kind: "deployment", Name: "web"}, Namespace: "shop", Access: podspec.ReadAll})
}

// A panic beside a patch leaves no pod to look at, and the template is restored all the same.
func TestPatchIsRestoredAfterAPanic(t *testing.T) {
	cl := newCluster(newTarget(nil))
	cl.workshop(t, webDeployment(), func(*appsv1.Deployment, bool) {})
	o := cl.opener()
	plan, err := cl.planPatch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Report = panickingReporter{cancel}
	if _, err = OpenPatch(ctx, o.Deps, plan); err == nil || !errors.As(err, new(*crash.Panic)) {
		t.Errorf("got %v", err)
	}
	if got, want := strings.Join(cl.writes(), ", "), "patch deployments/, patch deployments/"; got != want {
		t.Errorf("changed the cluster by %q, want %q", got, want)
	}
}

// panickingReporter panics once the template is patched, and then says nothing; nobody waits for pods, as there is no controller.
type panickingReporter struct{ cancel func() }

func (r panickingReporter) Say(format string, _ ...any) {
	if strings.HasPrefix(format, "patched ") {
		r.cancel()
		panic("a mistake")
	}
}

func (r panickingReporter) Warn(string, ...any) {}
func (r panickingReporter) Waiting(string)      {}

// While a command runs its session renews the patch.
func TestCommandsKeepThePatch(t *testing.T) {
	c := newCluster(newTarget(nil))
	d := webDeployment()
	if err := c.Tracker().Add(d); err != nil {
		t.Fatal(err)
	}
	o := c.opener()
	plan, err := c.planPatch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	s := Session{Namespace: "shop", deps: o.Deps, Patched: plan.Begin("shareproc-mine")}
	if err := s.Patched.Send(t.Context(), o.Cluster, plan, "anna", admission.Offer{Candidate: plan.Candidates[0]}); err != nil {
		t.Fatal(err)
	}
	mark := func() string {
		d, err := c.AppsV1().Deployments("shop").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Annotations[podspec.AnnotationPatch]
	}
	s.deps.TTL = 3 * time.Millisecond
	first := mark()
	s.times = lifecycle.DefaultTimes()
	ctx, stop := guard(t.Context(), &s)
	defer stop()
	o.Timeout = time.Minute
	for limit := time.After(o.Timeout); mark() == first; {
		select {
		case <-limit:
			t.Fatal("it is not renewed")
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		case <-time.After(time.Millisecond):
		}
	}
}

func TestPatchThatLosesItsSharing(t *testing.T) {
	for _, c := range []struct {
		sentence string
		dryToo   bool
		writes   string
	}{
		{"a dry run tells, and nothing is changed", true, ""},
		{"what is patched without it is put back", false, "patch deployments/, patch deployments/"},
	} {
		cl := newCluster(newTarget(nil))
		cl.workshop(t, webDeployment(), func(d *appsv1.Deployment, dry bool) {
			if !dry || c.dryToo {
				d.Spec.Template.Spec.ShareProcessNamespace = nil
			}
		})
		o := cl.opener()
		plan, err := cl.planPatch(t, o)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := openPatch(t.Context(), o.Deps, plan)
		if !errors.Is(err, admission.ErrDropped) {
			t.Errorf("%s: %v", c.sentence, err)
		}
		// Nobody waits for the pods: there is no controller.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.Close(ctx, s); err != nil {
			t.Errorf("%s: %v", c.sentence, err)
		}
		if got := strings.Join(cl.writes(), ", "); got != c.writes {
			t.Errorf("%s: changed the cluster by %q", c.sentence, got)
		}
		d, err := cl.AppsV1().Deployments("shop").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil || len(d.Spec.Template.Spec.Containers) != 1 || len(d.Labels)+len(d.Annotations) > 0 {
			t.Errorf("%s: left %+v, %v", c.sentence, d, err)
		}
	}
}

// A runtime that gives each container a sandbox of its own starts the helper, which sees nobody.
func TestRuntimeThatKeepsContainersApart(t *testing.T) {
	withClass := func(p *corev1.Pod) { p.Spec.RuntimeClassName = new("kata") }
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Request
		fails    bool
	}{
		{"a helper", withClass, Request{}, true},
		{"a helper that runs already", func(p *corev1.Pod) {
			withClass(p)
			withHelper("shareproc-a", "web", "i", nowRunning())(p)
		}, Request{}, true},
		{"a copy", withClass, Request{Copy: true}, true},
		{"a held container, whose shell is in it", withClass, Request{Copy: true, Hold: true}, false},
	} {
		target := newTarget(c.edit)
		cl := newCluster(target)
		cl.visibilities = []visibility{{Isolated: true}}
		s, err := open(t, cl, target, c.want)
		if (err != nil) != c.fails {
			t.Errorf("%s: %+v, %v", c.sentence, s, err)
		}
		if c.fails && (!strings.Contains(err.Error(), "runtime class kata") || !strings.Contains(hint.Of(err), "debug web --copy --hold")) {
			t.Errorf("%s: %v, try %q", c.sentence, err, hint.Of(err))
		}
		if c.want.Copy && (cl.opener().Close(t.Context(), s) != nil || !slices.Contains(cl.writes(), "delete pod")) {
			t.Errorf("%s: the copy stays: %v", c.sentence, cl.writes())
		}
	}
}
