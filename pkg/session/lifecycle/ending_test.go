// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// withHelper is a pod with a target that runs, and a helper in some state.
func withHelper(state corev1.ContainerState) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "web"}}},
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", ContainerID: "containerd://aaaa", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}
	p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "shareproc-a", State: state}}
	return p
}

func ended(code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}}
}

func lifetimeIn(pod *corev1.Pod) Lifetime {
	return Lifetime{
		Container: attach.Container{Namespace: "shop", Pod: "web", Name: "shareproc-a"}, Client: fake.NewClientset(pod),
		Target: target.Target{Pod: pod, Container: "web"}, TargetID: "aaaa", Helper: true, Joined: true, Times: DefaultTimes(),
	}
}

// A pod that is being deleted may take its time: nothing is ended before its containers are.
func TestADeletedPodIsUsedToItsEnd(t *testing.T) {
	pod := withHelper(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	pod.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	l := lifetimeIn(pod)
	if e := l.lookForEnd(t.Context()); e.certain {
		t.Errorf("a helper that runs has ended: %s", e.text)
	}
	pod.Status.EphemeralContainerStatuses[0].State = ended(137, "")
	l.Client = fake.NewClientset(pod)
	if e := l.lookForEnd(t.Context()); !e.certain || e.text != "pod/web is being deleted" {
		t.Errorf("got %+v", e)
	}
}

// A helper that the node could not start says why; what it notes while it waits is no reason.
func TestEndOfAHelperHasItsWords(t *testing.T) {
	for message, want := range map[string]string{
		"exec /bin/sh: argument list too long": "with exit code 255 (Error): exec /bin/sh: argument list too long",
		"process 12 idle 5 \n":                 "with exit code 255 (Error)",
		"first\nsecond\n":                      "with exit code 255 (Error): first",
		strings.Repeat("x", 300):               "with exit code 255 (Error): " + strings.Repeat("x", 200),
	} {
		if e := lifetimeIn(withHelper(ended(255, message))).lookForEnd(t.Context()); !strings.HasSuffix(e.text, want) {
			t.Errorf("%q: %q", message, e.text)
		}
	}
}

func TestShellExit(t *testing.T) {
	l := lifetimeIn(withHelper(ended(5, "")))
	if code, ok := l.exitCode(t.Context(), time.Minute); !ok || code != 5 {
		t.Errorf("got %d, %v", code, ok)
	}
	l.Pod = "gone"
	if code, ok := l.exitCode(t.Context(), time.Minute); ok {
		t.Errorf("a deleted pod returned %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l = lifetimeIn(withHelper(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}))
	if code, ok := l.exitCode(ctx, time.Minute); ok {
		t.Errorf("a shell that runs has ended with %d", code)
	}
}
