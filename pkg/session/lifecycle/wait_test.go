// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

func starting() Starting {
	return Starting{Container: attach.Container{Namespace: "shop", Pod: "web", Name: "shareproc-a"}, Target: "web", TargetID: "aaaa"}
}

func created() corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
}

// reachable is a cluster with that API server.
func reachable(client kubernetes.Interface) cluster.Cluster {
	return cluster.Cluster{Client: client, Report: silent{}, Settings: cluster.Settings{Timeout: 5 * time.Second}}
}

type silent struct{}

func (silent) Say(string, ...any)  {}
func (silent) Warn(string, ...any) {}
func (silent) Waiting(string)      {}

type answering struct {
	cluster.Exec
	run func() error
}

func (a answering) Run(context.Context, []string, io.Reader, io.Writer, io.Writer) error {
	return a.run()
}

// A helper can't be started beside a target that has ended, which the API may tell later than the runtime's refusal.
func TestWaitNoticesThatTheTargetEnded(t *testing.T) {
	refused := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: "invalid target container"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}}
	for _, c := range []struct {
		what  string
		state corev1.ContainerState // of the helper
		after func(*corev1.ContainerStatus)
		want  string
	}{
		{"restarted", corev1.ContainerState{}, func(st *corev1.ContainerStatus) { st.ContainerID = "containerd://bbbb" }, "it restarted while the helper started"},
		{"ended", corev1.ContainerState{}, func(st *corev1.ContainerStatus) { st.State = ended }, "last exit code 3"},
		{"ended, the helper refused first", refused, func(st *corev1.ContainerStatus) { st.State = ended }, "last exit code 3"},
		{"restarted, the helper refused first", refused, func(st *corev1.ContainerStatus) { st.ContainerID = "containerd://bbbb" }, "it restarted while the helper started"},
	} {
		client := fake.NewClientset()
		looks := 0
		client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			pod := withHelper(c.state)
			if looks++; looks > 2 {
				c.after(&pod.Status.ContainerStatuses[0])
			}
			return true, pod, nil
		})
		_, err := Wait(t.Context(), reachable(client), starting())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint.Of(err), "--hold") {
			t.Errorf("%s: got %v, try %q", c.what, err, hint.Of(err))
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
			_, err := Wait(t.Context(), reachable(fake.NewClientset(withHelper(state))), starting())
			if err == nil || !strings.Contains(err.Error(), "the kubelet's words") {
				t.Errorf("%+v: got %v", state, err)
			}
		})
	}
}

// The API server may refuse every new status of a pod for a while. A helper that runs then answers, and is used.
func TestWaitAsksAHelperWhoseStatusLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			answer error
			want   string
		}{{nil, ""}, {errors.New("container not found"), "ContainerCreating"}} {
			o, asked, begin := reachable(fake.NewClientset(withHelper(created()))), 0, time.Now()
			o.Timeout = time.Minute
			o.Exec = func(attach.Container, bool) (cluster.Exec, error) {
				return answering{run: func() error { asked++; return c.answer }}, nil
			}
			_, err := Wait(t.Context(), o, starting())
			waited := time.Since(begin)
			switch {
			case c.want == "" && (err != nil || asked != 1 || waited > 2*askAfter):
				t.Errorf("it answers: %v, asked %d times in %s", err, asked, waited)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || asked != 5 || waited != time.Minute):
				t.Errorf("it does not answer: %v, asked %d times in %s", err, asked, waited)
			}
		}
	})
}

func TestWaitEndsWithItsTimeout(t *testing.T) {
	o := reachable(fake.NewClientset(withHelper(created())))
	o.Timeout = 10 * time.Millisecond
	_, err := Wait(t.Context(), o, starting())
	if err == nil || !strings.Contains(err.Error(), "ContainerCreating") || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWithTheContextsCause(t *testing.T) {
	client := fake.NewClientset(withHelper(created()))
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(cause)
		return false, nil, nil
	})
	_, err := Wait(ctx, reachable(client), starting())
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
