// SPDX-License-Identifier: Apache-2.0

package target

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// some are the pods that a mistyped name is compared with.
func some() []runtime.Object {
	pod := func(name, kind, owner, hash string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}}
		if kind != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: new(true)}}
		}
		if hash != "" {
			p.Labels = map[string]string{"pod-template-hash": hash}
		}
		return p
	}
	helper := pod("nginx-shareproc-abcde", "", "", "")
	helper.Labels = map[string]string{labelManagedBy: managedBy}
	return []runtime.Object{
		pod("nginx", "", "", ""), pod("api-0", "StatefulSet", "api", ""), pod("api-1", "StatefulSet", "api", ""),
		pod("web-5cd8f-x2", "ReplicaSet", "web-5cd8f", "5cd8f"), pod("web-5cd8f-x3", "ReplicaSet", "web-5cd8f", "5cd8f"), helper,
	}
}

func TestAMistypedPodIsNamed(t *testing.T) {
	for name, want := range map[string]string{
		"ngnix":    "nginx",
		"ngin":     "nginx",
		"ng":       "nginx",
		"ngin*":    "nginx",
		"nginx-*":  "",
		"web":      "deploy/web",
		"web-5cd":  "web-5cd8f-x2 web-5cd8f-x3",
		"api":      "sts/api",
		"api-2":    "api-0 api-1",
		"*":        "api-0 api-1 nginx",
		"database": "",
		"x":        "",
	} {
		client := fake.NewClientset(some()...)
		_, err := Resolve(t.Context(), client, "shop", Ref{Arg: name}, nil)
		missing, ok := errors.AsType[*NotFoundError](err)
		if !ok || strings.Join(missing.Near, " ") != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if (want != "") != strings.Contains(err.Error(), ": did you mean ") {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(client.Actions()); n > 2 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// The list is asked for once, behind the answer that there is no such pod, and may be refused.
func TestNoPodIsNamedWithoutPermission(t *testing.T) {
	client := fake.NewClientset(some()...)
	client.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("no"))
	})
	_, err := Resolve(t.Context(), client, "shop", Ref{Arg: "ngnix"}, nil)
	if err == nil || err.Error() != `pod "ngnix" not found in namespace "shop"` {
		t.Errorf("%v", err)
	}
	client = fake.NewClientset(some()...)
	if _, err := Resolve(t.Context(), client, "shop", Ref{Arg: "nginx"}, nil); err != nil || len(client.Actions()) != 1 {
		t.Errorf("%v, %d requests", err, len(client.Actions()))
	}
}
