// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

const (
	// pollInterval is how often a pod is read while a container starts. Reading needs no more than get on
	// pods, which the session needs anyway; a watch would need a second permission.
	pollInterval = 200 * time.Millisecond
	// progressDelay is how long a wait lasts before the user is told what it is for.
	progressDelay = time.Second
)

// waitFor says what a wait is for.
type waitFor struct {
	session Session
	// target and targetID name the container whose end would end the helper; "" for a copy.
	target, targetID string
}

// notRunning is the end of a wait whose time is over.
type notRunning struct{ error }

func (n notRunning) Unwrap() error { return n.error }

// wait returns the pod when the session's container runs in it; with an error as soon as the kubelet names a reason
// that time will not mend, after o.Timeout, or when ctx ends.
func wait(ctx context.Context, o Deps, w waitFor) (last *corev1.Pod, err error) {
	s := w.session
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	begin, said, state := time.Now(), false, "nothing yet"
	defer func() {
		if said {
			o.Report.Waiting("")
		}
	}()
	var doubted time.Time
	last = &corev1.Pod{}
	for {
		pod, err := o.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
		switch {
		case ctx.Err() != nil:
		case apierrors.IsNotFound(err):
			return last, fmt.Errorf("wait for container %s: pod/%s is gone", s.Container, s.Pod)
		case err != nil:
			return last, fmt.Errorf("wait for container %s of pod/%s: %w", s.Container, s.Pod, err)
		default:
			last = pod
			var done bool
			if done, state, err = w.judge(pod); done {
				return pod, nil
			}
			doubtful := w.doubtful(pod)
			if doubtful && doubted.IsZero() {
				doubted = time.Now()
			}
			if err != nil && (!doubtful || time.Since(doubted) > settleTime) {
				return last, err
			}
		}
		if time.Since(begin) > progressDelay {
			said = true
			o.Report.Waiting(fmt.Sprintf("waiting for container %s of pod/%s: %s", s.Container, s.Pod, state))
		}
		select {
		case <-ctx.Done():
			return last, waitEnd(ctx, o, s, state)
		case <-ticker.C:
		}
	}
}

// settleTime is how long the API may take to tell that the target has ended, once its helper can't be started for that reason.
const settleTime = 2 * time.Second

// doubtful tells whether a helper may be refused by the runtime because its target has ended meanwhile, which the API
// tells a moment later: a container can't join the processes of one that has ended.
func (w waitFor) doubtful(pod *corev1.Pod) bool {
	helper, ok := podspec.Status(pod, w.session.Container)
	if !ok || helper.State.Waiting == nil || w.targetID == "" {
		return false
	}
	st, ok := podspec.Status(pod, w.target)
	stillThere := ok && st.State.Running != nil && containsID(st, w.targetID)
	return stillThere && (helper.State.Waiting.Reason == "CreateContainerError" || helper.State.Waiting.Reason == "RunContainerError")
}

var errTimeout = errors.New("timeout")

func waitEnd(ctx context.Context, o Deps, s Session, state string) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, errTimeout) {
		return cause
	}
	return hint.With(notRunning{fmt.Errorf("wait for container %s of pod/%s: not running after %s: %s", s.Container, s.Pod, brief(o.Timeout), state)},
		fmt.Sprintf("kubectl describe pod -n %s %s, or a longer --timeout", s.Namespace, s.Pod))
}

// judge reads one answer of the API server: done, or not yet and why, or an error that is final.
func (w waitFor) judge(pod *corev1.Pod) (done bool, state string, err error) {
	s := w.session
	if pod.DeletionTimestamp != nil {
		return false, "", fmt.Errorf("wait for container %s: pod/%s is being deleted", s.Container, s.Pod)
	}
	if err := w.targetGone(pod); err != nil {
		return false, "", err
	}
	if err := failedInit(s, pod); err != nil {
		return false, "", err
	}
	st, ok := podspec.Status(pod, s.Container)
	switch {
	case ok && st.State.Running != nil:
		return true, "", nil
	case ok && st.State.Terminated != nil:
		t := st.State.Terminated
		return false, "", fmt.Errorf("start container %s of pod/%s: it ended at once with exit code %d: %s: %s",
			s.Container, s.Pod, t.ExitCode, t.Reason, t.Message)
	case ok && st.State.Waiting != nil:
		return false, waiting(st.State.Waiting), fatal(s, st.State.Waiting)
	case pod.Status.Phase == corev1.PodFailed:
		return false, "", fmt.Errorf("start pod/%s: %s: %s", s.Pod, pod.Status.Reason, pod.Status.Message)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return false, "", fmt.Errorf("schedule pod/%s: %s: %s", s.Pod, c.Reason, c.Message)
		}
	}
	return false, "the kubelet has not started it yet", nil
}

// targetGone says that the target has ended or restarted: a helper can't join its processes any more, and one that did
// ended with them.
func (w waitFor) targetGone(pod *corev1.Pod) error {
	st, ok := podspec.Status(pod, w.target)
	if w.targetID == "" || !ok {
		return nil
	}
	err := target.Target{Pod: pod, Container: w.target}.CheckContainer()
	if err == nil && !containsID(st, w.targetID) {
		err = hint.With(fmt.Errorf("use container %s of pod/%s: it restarted meanwhile", w.target, pod.Name),
			fmt.Sprintf("the same command again; kubectl shareproc debug %s --copy --hold, if it ends too soon for that", pod.Name))
	}
	return err
}

// failedInit is the end of a copy whose init container failed: the kubelet does not start it again there, and may leave
// the pod pending for as long as another container waits.
func failedInit(s Session, pod *corev1.Pod) error {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return nil
	}
	for _, st := range pod.Status.InitContainerStatuses {
		if t := st.State.Terminated; t != nil && t.ExitCode != 0 {
			return hint.With(fmt.Errorf("start pod/%s: init container %s failed with exit code %d: %s", s.Pod, st.Name, t.ExitCode,
				strings.TrimSpace(t.Message)),
				fmt.Sprintf("--hold=%s, for a shell in place of it, or --image with a static busybox if it is %s", st.Name, podspec.ToolsContainer))
		}
	}
	return nil
}

func containsID(st *corev1.ContainerStatus, id string) bool {
	n := len(st.ContainerID) - len(id)
	return n >= 0 && st.ContainerID[n:] == id
}

func waiting(w *corev1.ContainerStateWaiting) string {
	if w.Message == "" {
		return w.Reason
	}
	return w.Reason + ": " + w.Message
}

// fatal makes an error of the kubelet's reasons that waiting does not mend
// (pkg/kubelet/images/types.go and pkg/kubelet/container/sync_result.go of Kubernetes).
func fatal(s Session, w *corev1.ContainerStateWaiting) error {
	err := fmt.Errorf("start container %s of pod/%s: %s", s.Container, s.Pod, waiting(w))
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return hint.With(err, "--image with one that this cluster's nodes can pull (busybox, static)")
	case "CreateContainerError", "RunContainerError":
		return hint.With(err, fmt.Sprintf("--image with a static busybox, if this one has no sh; else kubectl describe pod -n %s %s", s.Namespace, s.Pod))
	case "CreateContainerConfigError", "CrashLoopBackOff":
		return hint.With(err, fmt.Sprintf("kubectl describe pod -n %s %s", s.Namespace, s.Pod))
	}
	return nil
}
