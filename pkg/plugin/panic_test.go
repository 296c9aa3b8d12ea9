// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type panickingWire struct{ localWire }

func (panickingWire) Run(_ context.Context, argv []string, _ io.Reader, _, _ io.Writer) error {
	if argv[len(argv)-1] == "true" {
		panic("a mistake of ours")
	}
	return errors.New("nothing else runs here")
}

// A mistake in this program in the middle of a session leaves no copy behind.
func TestCopyIsDeletedAfterAPanic(t *testing.T) {
	d := newDesk(t)
	d.Exec = func(session.Session) (Wire, error) { return panickingWire{}, nil }
	d.client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
		review.Status.Allowed = true
		return true, review, nil
	})
	d.client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create := a.(clienttesting.CreateActionImpl)
		if slices.Contains(create.CreateOptions.DryRun, metav1.DryRunAll) {
			return true, create.Object, nil
		}
		p := create.Object.(*corev1.Pod).DeepCopy()
		for _, c := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: c.Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			})
		}
		return true, p, d.client.Tracker().Add(p)
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there was no panic")
			}
		}()
		d.run(t.Context(), "debug", "web", "--copy", "--", "true")
	}()
	pods, err := d.client.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 || !slices.ContainsFunc(d.client.Actions(), func(a clienttesting.Action) bool { return a.GetVerb() == "delete" }) {
		t.Errorf("%d pods, %v\n%s", len(pods.Items), err, d.errOut.String())
	}
}
