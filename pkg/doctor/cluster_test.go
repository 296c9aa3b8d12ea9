// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

func nowRunning() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
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

// withHelper adds a helper in some state.
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
	// state is what the kubelet makes of a new container.
	state corev1.ContainerState
	// denied are the permissions that the user lacks ("patch pods/ephemeralcontainers").
	denied []string
	// onlyPod is the one that the user's Role names; "" for any.
	onlyPod string
}

func newCluster(t target.Target) *fakeAPI {
	c := &fakeAPI{Clientset: fake.NewClientset(t.Pod), state: nowRunning(), refuse: func(*corev1.SecurityContext) error { return nil }}
	c.PrependReactor("create", "selfsubjectaccessreviews", c.review)
	c.PrependReactor("patch", "pods", c.patch)
	c.PrependReactor("create", "pods", c.create)
	return c
}

func (c *fakeAPI) deps() session.Deps {
	return session.Deps{Cluster: cluster.Cluster{Client: c, Dynamic: fakecluster.Dynamic(c.Clientset), Report: silent{}, Settings: cluster.Settings{
		Image: "busybox:1.37.0-musl", Keep: time.Minute, TTL: time.Hour, Timeout: 5 * time.Second,
	}}}
}

type silent struct{}

func (silent) Say(string, ...any)  {}
func (silent) Warn(string, ...any) {}
func (silent) Waiting(string)      {}

func (c *fakeAPI) review(a clienttesting.Action) (bool, runtime.Object, error) {
	review := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
	r := review.Spec.ResourceAttributes
	name := strings.TrimSuffix(r.Verb+" "+r.Resource+"/"+r.Subresource, "/")
	review.Status.Allowed = !slices.Contains(c.denied, name) && (c.onlyPod == "" || r.Name == c.onlyPod)
	return true, review, nil
}

func (c *fakeAPI) patch(a clienttesting.Action) (bool, runtime.Object, error) {
	patch := a.(clienttesting.PatchActionImpl)
	var body session.HelperPatch
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

func (c *fakeAPI) create(a clienttesting.Action) (bool, runtime.Object, error) {
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

func forbidden(text string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(text))
}

func as(uid, gid int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].User = &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: uid, GID: gid}}
	}
}
