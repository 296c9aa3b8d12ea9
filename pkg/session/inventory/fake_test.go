// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

func newPod(edit func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "web"}, {Name: "proxy"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	if edit != nil {
		edit(p)
	}
	return p
}

// fakeAPI is a fake API server, and what was reported.
type fakeAPI struct {
	*fake.Clientset
	mu   sync.Mutex
	said []string
}

func newFakeAPI(pod *corev1.Pod) *fakeAPI { return &fakeAPI{Clientset: fake.NewClientset(pod)} }

func (c *fakeAPI) Say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

func (c *fakeAPI) Warn(format string, args ...any) { c.Say(format, args...) }

func (c *fakeAPI) Waiting(string) {}

// opener is a Manager, in which Ask answers for every container.
type opener struct {
	Manager
	Ask func(ctx context.Context, at attach.Container, argv []string, stdout io.Writer) error
}

func (c *fakeAPI) opener() *opener {
	o := &opener{Manager: Manager{cluster.Cluster{
		Client: c, Dynamic: fakecluster.Dynamic(c.Clientset), Report: c,
		Settings: cluster.Settings{Image: "busybox:1.37.0-musl", Keep: time.Minute, TTL: time.Hour, Timeout: 5 * time.Second},
	}}}
	o.Exec = func(at attach.Container, _ bool) (cluster.Exec, error) { return answering{o: o, at: at}, nil }
	return o
}

type answering struct {
	cluster.Exec
	o  *opener
	at attach.Container
}

func (a answering) Run(ctx context.Context, argv []string, _ io.Reader, stdout, _ io.Writer) error {
	return a.o.Ask(ctx, a.at, argv, stdout)
}

// writes lists the requests that changed something.
func (c *fakeAPI) writes() []string {
	var list []string
	for _, a := range c.Actions() {
		if verb := a.GetVerb(); verb == "patch" || verb == "delete" || verb == "update" {
			list = append(list, verb+" "+strings.TrimSuffix(a.GetResource().Resource, "s"))
		}
	}
	return list
}

func forbidden(text string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(text))
}
