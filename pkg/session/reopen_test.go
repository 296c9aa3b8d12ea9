// SPDX-License-Identifier: Apache-2.0

package session

import (
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
)

// A helper may end in the very second in which it was found: once more, where the command can't have begun.
func TestAHelperThatHasJustEndedIsReplacedOnce(t *testing.T) {
	gone := &attach.ConnectError{Op: "exec in web/shareproc-a", By: attach.Kubelet, Code: 500, Message: "container not found"}
	for _, c := range []struct {
		what   string
		first  error
		second error
		stdin  io.Reader
		ends   string
		added  int
	}{
		{"it is gone", gone, nil, nil, "", 1},
		{"the command ran, and was killed", &attach.ExitError{Code: 137}, nil, nil, "session ended", 0},
		{"what was on stdin is gone too", gone, nil, strings.NewReader("x"), "session ended", 0},
		{"the next one as well", gone, gone, nil, "container not found", 1},
	} {
		now := newTarget(withHelper("shareproc-a", "web", "busybox:1.37.0-musl", nowRunning()))
		cl := newCluster(now)
		d := cl.deps(nil)
		d.Exec = func(at attach.Container, _ bool) (cluster.Exec, error) {
			if at.Name == "shareproc-a" {
				return stream{err: c.first}, nil
			}
			return stream{err: c.second}, nil
		}
		s, err := Open(t.Context(), d, now, Request{Access: podspec.ReadAll})
		if err != nil {
			t.Fatal(err)
		}
		s.times.End = 20 * time.Millisecond
		cl.change(t, func(p *corev1.Pod) {
			p.Status.EphemeralContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
		})
		err = s.Run(t.Context(), []string{"true"}, Streams{Stdin: c.stdin})
		if (err == nil) != (c.ends == "") || err != nil && !strings.Contains(err.Error(), c.ends) {
			t.Errorf("%s: %v, want %q", c.what, err, c.ends)
		}
		if n := len(cl.current(t).Pod.Spec.EphemeralContainers) - 1; n != c.added {
			t.Errorf("%s: %d helpers added", c.what, n)
		}
	}
}

// Processes belong to the containers that the pod has now: not to the target what is a helper's of which nobody knew.
func TestProcessesAreAttributedByThePodAsItIs(t *testing.T) {
	id := func(digit string) string { return strings.Repeat(digit, idLength) }
	inPod := func(digit string) process.Process {
		return process.Process{PID: 9, Cgroup: "0::/../cri-containerd-" + id(digit) + ".scope"}
	}
	now := newTarget(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].ContainerID = "containerd://" + id("a") })
	cl := newCluster(now)
	s := &Session{Namespace: "shop", Pod: "web", Container: "shareproc-a", View: View{Container: "web"}, Target: now, deps: cl.deps(nil)}
	refresh(t.Context(), s, []process.Process{inPod("a"), {PID: 2, Helper: true, Cgroup: id("b")}, {PID: 3, Cgroup: "0::/"}})
	if n := len(cl.Actions()); n != 0 {
		t.Errorf("%d requests though all is known", n)
	}
	cl.change(t, func(p *corev1.Pod) {
		withHelper("shareproc-b", "web", "i", nowRunning())(p)
		p.Status.EphemeralContainerStatuses[0].ContainerID = "containerd://" + id("b")
	})
	refresh(t.Context(), s, []process.Process{inPod("a"), inPod("b")})
	for digit, want := range map[string]string{"a": "web", "b": "shareproc-b", "c": ""} {
		if got := containerOf(s, inPod(digit)); got != want {
			t.Errorf("%s: container %q, want %q", digit, got, want)
		}
	}
	if got := containerOf(s, process.Process{PID: 3, Cgroup: "0::/"}); got != "web" {
		t.Errorf("without an id: %q", got)
	}
}

// What kept the runtime from starting a helper is most likely as it was a moment ago, and each helper's entry stays.
func TestAHelperThatCouldNotBeStartedIsNotAddedAgainAtOnce(t *testing.T) {
	for _, c := range []struct {
		what  string
		ago   time.Duration
		image string
		added int
	}{
		{"just now", 10 * time.Second, "", 0},
		{"long ago", 2 * time.Minute, "", 1},
		{"just now, of another image", 10 * time.Second, "other:1", 1},
	} {
		now := newTarget(nil)
		cl := newCluster(now)
		d := cl.deps(stream{})
		d.Now = func() time.Time { return time.Unix(1_000_000, 0) }
		plan, err := Choose(now, Request{Access: podspec.ReadAll}, rbac.Permissions{})
		if err != nil {
			t.Fatal(err)
		}
		failed := (helperOpener{d}).helper(now, plan, "shareproc-a", "", plan.Candidates[0]).Spec.EphemeralContainers[0]
		if c.image != "" {
			failed.Image = c.image
		}
		cl.change(t, func(p *corev1.Pod) {
			p.Spec.EphemeralContainers = []corev1.EphemeralContainer{failed}
			p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{
				Name: "shareproc-a", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "RunContainerError", Message: "no room"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					Reason: "StartError", ExitCode: 128, FinishedAt: metav1.NewTime(d.Now().Add(-c.ago)),
				}},
			}}
		})
		d.Timeout = 20 * time.Millisecond
		_, err = Open(t.Context(), d, cl.current(t), Request{Access: podspec.ReadAll})
		if n := len(cl.current(t).Pod.Spec.EphemeralContainers) - 1; n != c.added {
			t.Errorf("%s: %d helpers added (%v; said %q)", c.what, n, err, cl.said)
		}
		if c.added == 0 && (err == nil || !strings.Contains(err.Error(), "start container shareproc-a in pod/web: RunContainerError") || !strings.Contains(hint.Of(err), "--copy")) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
