// SPDX-License-Identifier: Apache-2.0

package session

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
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

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
		target := newTarget(nil)
		cl := newCluster(target)
		cl.state = c.state
		looks := 0
		cl.PrependReactor("get", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
			object, err := cl.Tracker().Get(corev1.SchemeGroupVersion.WithResource("pods"), "shop", "web")
			if err != nil {
				return true, nil, err
			}
			pod := object.(*corev1.Pod).DeepCopy()
			if looks++; looks > 2 {
				c.after(&pod.Status.ContainerStatuses[0])
			}
			return true, pod, nil
		})
		_, err := open(t, cl, target, Request{})
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
			target := newTarget(nil)
			c := newCluster(target)
			c.state = state
			_, err := open(t, c, target, Request{})
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
			target := newTarget(nil)
			cl := newCluster(target)
			cl.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
			o, asked, begin := cl.opener(), 0, time.Now()
			o.Timeout = time.Minute
			o.Ask = func(context.Context, Session, []string, io.Writer) error { asked++; return c.answer }
			s, err := o.Open(t.Context(), target, plan(t, target, Request{}))
			waited := time.Since(begin)
			switch {
			case c.want == "" && (err != nil || !s.Running || asked != 1 || waited > 2*askAfter):
				t.Errorf("it answers: %v, asked %d times in %s", err, asked, waited)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || asked != 5 || waited != time.Minute):
				t.Errorf("it does not answer: %v, asked %d times in %s", err, asked, waited)
			}
		}
	})
}

func TestWaitEndsWithItsTimeout(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	o := c.opener()
	o.Timeout = 10 * time.Millisecond
	_, err := o.Open(t.Context(), target, plan(t, target, Request{}))
	if err == nil || !strings.Contains(err.Error(), "ContainerCreating") || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWithTheContextsCause(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	c.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(cause)
		return false, nil, nil
	})
	_, err := c.opener().Open(ctx, target, plan(t, target, Request{}))
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
