// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
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
		c := podspec.Helper{Name: name, Image: image, Target: joins, Access: podspec.ReadAll, Container: "web"}.Ephemeral()
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
}

// fakeAPI is a fake API server with a kubelet that starts what is added, and a policy.
type fakeAPI struct {
	*fake.Clientset
	// refuse is asked for each security context, in a dry run and else.
	refuse func(*corev1.SecurityContext) error
	// mutate is what admission makes of each container of ours, and refusePod why it refuses a pod.
	mutate    func(*corev1.EphemeralContainer)
	refusePod func(*corev1.Pod) error
	// state is what the kubelet makes of a new container.
	state corev1.ContainerState
	// visibilities are what looks through helpers find, in turn; the last one again and again.
	visibilities []visibility
	// denied are the permissions that the user lacks ("patch pods/ephemeralcontainers").
	denied []string
	// onlyPod is the one that the user's Role names; "" for any.
	onlyPod string

	mu       sync.Mutex
	said     []string
	patching sync.Mutex
	version  int
}

func newCluster(t target.Target) *fakeAPI {
	c := &fakeAPI{Clientset: fake.NewClientset(t.Pod), state: nowRunning(), refuse: func(*corev1.SecurityContext) error { return nil }}
	c.PrependReactor("create", "selfsubjectaccessreviews", c.review)
	c.PrependReactor("patch", "pods", c.patch)
	c.PrependReactor("create", "pods", c.create)
	return c
}

// opener has all that opens, finds and ends sessions. Ask answers for every container, and c.sights for every look.
type opener struct {
	Deps
	Ask func(ctx context.Context, s Session, argv []string, stdout io.Writer) error
}

func (c *fakeAPI) opener() *opener {
	o := &opener{Deps: c.deps(nil)}
	o.Exec = func(at attach.Container, _ bool) (cluster.Exec, error) { return answering{stream{}, o, at}, nil }
	return o
}

func (c *fakeAPI) deps(exec cluster.Exec) Deps {
	return Deps{
		Cluster: cluster.Cluster{
			Client: c, Dynamic: fakecluster.Dynamic(c.Clientset), Report: c,
			Exec:     func(attach.Container, bool) (cluster.Exec, error) { return exec, nil },
			Settings: cluster.Settings{Image: "busybox:1.37.0-musl", Images: []string{"i"}, Keep: time.Minute, TTL: time.Hour, Timeout: 5 * time.Second},
		},
		look: func(context.Context, Session) (visibility, error) {
			if len(c.visibilities) == 0 {
				return visibility{}, nil
			}
			visible := c.visibilities[0]
			if len(c.visibilities) > 1 {
				c.visibilities = c.visibilities[1:]
			}
			return visible, nil
		},
	}
}

type answering struct {
	stream
	o  *opener
	at attach.Container
}

func (a answering) Run(ctx context.Context, argv []string, _ io.Reader, stdout, _ io.Writer) error {
	return a.o.Ask(ctx, Session{Namespace: a.at.Namespace, Pod: a.at.Pod, Container: a.at.Name}, argv, stdout)
}

// Open carries out a plan.
func (o *opener) Open(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	if plan.Mode != Reuse {
		var err error
		if plan, err = authorize(ctx, o.Deps, t, plan); err != nil {
			return Session{}, err
		}
	}
	return execute(ctx, o.Deps, t, plan)
}

func (o *opener) Close(ctx context.Context, s Session) error {
	s.deps = o.Deps
	return s.Close(ctx)
}

func (c *fakeAPI) review(a clienttesting.Action) (bool, runtime.Object, error) {
	review := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
	r := review.Spec.ResourceAttributes
	name := strings.TrimSuffix(r.Verb+" "+r.Resource+"/"+r.Subresource, "/")
	review.Status.Allowed = !slices.Contains(c.denied, name) && (c.onlyPod == "" || r.Name == c.onlyPod)
	return true, review, nil
}

func (c *fakeAPI) patch(a clienttesting.Action) (bool, runtime.Object, error) {
	patch := a.(clienttesting.PatchActionImpl)
	var body HelperPatch
	if err := json.Unmarshal(patch.GetPatch(), &body); err != nil {
		return true, nil, err
	}
	helper := body.Spec.EphemeralContainers[0]
	if err := c.refuse(helper.SecurityContext); err != nil {
		return true, nil, err
	}
	if c.mutate != nil {
		c.mutate(&helper)
	}
	c.patching.Lock()
	defer c.patching.Unlock()
	pods := c.Tracker()
	gvr := corev1.SchemeGroupVersion.WithResource("pods")
	object, err := pods.Get(gvr, patch.Namespace, patch.Name)
	if err != nil {
		return true, nil, err
	}
	p := object.(*corev1.Pod).DeepCopy()
	if v := body.Metadata.ResourceVersion; v != "" && v != fmt.Sprint(c.version) {
		return true, nil, apierrors.NewConflict(corev1.Resource("pods"), p.Name, errors.New("modified"))
	}
	p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, helper)
	if slices.Contains(patch.PatchOptions.DryRun, metav1.DryRunAll) {
		p.ResourceVersion = fmt.Sprint(c.version)
		return true, p, nil
	}
	c.version++
	p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: helper.Name, State: c.state})
	return true, p, pods.Update(gvr, p, patch.Namespace)
}

func (c *fakeAPI) create(a clienttesting.Action) (bool, runtime.Object, error) {
	create := a.(clienttesting.CreateActionImpl)
	p := create.GetObject().(*corev1.Pod).DeepCopy()
	shell := p.Spec.Containers[len(p.Spec.Containers)-1]
	if c.refusePod != nil {
		if err := c.refusePod(p); err != nil {
			return true, nil, err
		}
	}
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
func (c *fakeAPI) writes() []string {
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

func plan(t *testing.T, target target.Target, want Request) Plan {
	t.Helper()
	if want.Access == "" {
		want.Access = podspec.ReadAll
	}
	plan, err := Choose(target, want, rbac.Permissions{})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func open(t *testing.T, c *fakeAPI, target target.Target, want Request) (Session, error) {
	t.Helper()
	return c.opener().Open(t.Context(), target, plan(t, target, want))
}

func forbidden(text string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(text))
}
