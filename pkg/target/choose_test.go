// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// resolveWeb resolves deploy/web, which has these pods, and returns what was said.
func resolveWeb(t *testing.T, container string, pods ...*corev1.Pod) (Target, string, error) {
	t.Helper()
	objects := []runtime.Object{&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Selector: app()}}}
	for _, p := range pods {
		objects = append(objects, p)
	}
	var said strings.Builder
	got, err := Resolve(t.Context(), fake.NewClientset(objects...), "shop", Ref{Arg: "deploy/web", Container: container},
		func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) })
	return got, said.String(), err
}

func TestResolvePicksThePod(t *testing.T) {
	const hour, minute = time.Hour, time.Minute
	for _, c := range []struct {
		what      string
		container string
		pods      []*corev1.Pod
		want      string
		says      string
	}{
		{"the only one", "", []*corev1.Pod{member("a", "", 0)}, "a", "using pod/a of deployment/web\n"},
		{
			"the newest",
			"",
			[]*corev1.Pod{member("a", "", hour), member("b", "", minute), member("c", "", hour)},
			"b", "using pod/b, the newest of 3 ready pods of deployment/web\n",
		},
		{
			"by name where the age is the same",
			"",
			[]*corev1.Pod{member("c", "", hour), member("b", "", hour)},
			"b", "using pod/b, the newest of 2 ready pods of deployment/web\n",
		},
		{
			"a ready one before a newer one that is not",
			"",
			[]*corev1.Pod{member("a", "", hour), member("b", "", minute, unready)},
			"a", "using pod/a, the only ready pod of deployment/web\n",
		},
		{
			"none that is being deleted, though it is ready",
			"",
			[]*corev1.Pod{member("a", "", hour), member("b", "", minute, deleted)},
			"a", "using pod/a, the only ready pod of deployment/web\n",
		},
		{
			"none that has finished",
			"",
			[]*corev1.Pod{member("a", "", hour, unready), member("b", "", minute, evicted)},
			"a", "using pod/a, the only running but not ready pod of deployment/web\n",
		},
		{
			"the newest that runs, where none is ready",
			"",
			[]*corev1.Pod{member("a", "", hour, unready), member("b", "", minute, unready), member("c", "", 0, waitingFor(crashLoop))},
			"b", "using pod/b, the newest of 2 running but not ready pods of deployment/web\n",
		},
		{"one that is not ready", "", []*corev1.Pod{member("a", "", 0, unready)}, "a", "using pod/a of deployment/web, which is not ready\n"},
		{
			"one where the chosen container runs, whatever the first does",
			"proxy",
			[]*corev1.Pod{member("a", "", hour, waitingFor(crashLoop)), member("b", "", minute, unstarted)},
			"a", "using pod/a, the only running but not ready pod of deployment/web\n",
		},
		{
			"one that has the container",
			"proxy",
			[]*corev1.Pod{member("a", "", hour), member("b", "", minute, renamed)},
			"a", "using pod/a, the only ready pod of deployment/web\n",
		},
		{
			"one whose init container runs, where that is asked for",
			"setup",
			[]*corev1.Pod{member("a", "", hour), member("b", "", minute, initializing(nowRunning()))},
			"b", "using pod/b, the only running but not ready pod of deployment/web\n",
		},
		{"one whose init container is done, for want of a better one", "setup", []*corev1.Pod{member("a", "", 0)}, "a", "using pod/a of deployment/web\n"},
	} {
		got, said, err := resolveWeb(t, c.container, c.pods...)
		switch {
		case err != nil || got.Pod.Name != c.want:
			t.Errorf("%s: got %v, %v", c.what, got, err)
		case said != c.says:
			t.Errorf("%s: said %q, want %q", c.what, said, c.says)
		}
	}
}

func TestResolveSaysWhyNoPodIsUsable(t *testing.T) {
	back := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: crashLoop}}
	for _, c := range []struct {
		what      string
		container string
		pods      []*corev1.Pod
		want, try string
	}{
		{
			"each for its own reason, newest first", "",
			[]*corev1.Pod{
				member("a", "", 5, deleted), member("b", "", 4, evicted), member("c", "", 3, unplaced),
				member("d", "", 2, waitingFor(crashLoop)), member("e", "", 1, unstarted),
			},
			"no usable pod of deployment/web among 5 pods: " +
				"e (not started yet), d (CrashLoopBackOff), c (pending: Unschedulable), b (finished: Failed, Evicted), a (being deleted)",
			"kubectl get pods -n shop -l app=web, or debug one of them with kubectl shareproc debug e --copy",
		},
		{
			"the init container's reasons", "",
			[]*corev1.Pod{member("a", "", 3, initializing(nowRunning())), member("b", "", 2, initializing(back)), member("c", "", 1, initializing(endedWith(7)))},
			"c (init container setup: terminated with exit code 7), b (init container setup: CrashLoopBackOff), a (init container setup: running)",
			"kubectl get pods",
		},
		{
			"no more than five", "",
			[]*corev1.Pod{
				member("a", "", 7, unstarted), member("b", "", 6, unstarted), member("c", "", 5, unstarted), member("d", "", 4, unstarted),
				member("e", "", 3, unstarted), member("f", "", 2, unstarted), member("g", "", 1, unstarted),
			},
			"among 7 pods: g (not started yet), f (not started yet), e (not started yet), d (not started yet), c (not started yet), and 2 more",
			"kubectl get pods",
		},
		{"one", "", []*corev1.Pod{member("a", "", 1, waitingFor("ErrImagePull"))}, "among 1 pod: a (ErrImagePull)", "kubectl get pods"},
		{
			"the container that some have", "proxy",
			[]*corev1.Pod{member("a", "", 2, unstarted), member("b", "", 1, renamed)},
			"b (no such container), a (not started yet)", "kubectl get pods",
		},
		{"the container that none has", "nope", []*corev1.Pod{member("a", "", 1)}, "container \"nope\" not found in pod/a", "-c with one of"},
	} {
		_, said, err := resolveWeb(t, c.container, c.pods...)
		wantError(t, c.what, err, c.want, c.try)
		if said != "" {
			t.Errorf("%s: said %q", c.what, said)
		}
	}
	// Nothing can be copied from what is going.
	_, _, err := resolveWeb(t, "", member("a", "", 1, deleted))
	if got := hint.Of(err); got != "run kubectl get pods -n shop -l app=web" {
		t.Errorf("all deleted: %v, try %q", err, got)
	}
	// The advice can be pasted into a shell.
	_, err = Resolve(t.Context(), fake.NewClientset(member("a", "", 1, unstarted)), "shop", Ref{Selector: "app in (web), !x"}, nil)
	wantError(t, "a set", err, `no usable pod with labels "app in (web), !x" among 1 pod`, "kubectl get pods -n shop -l 'app in (web),!x', or")
}
