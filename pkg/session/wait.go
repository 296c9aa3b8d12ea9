// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

const (
	// firstInterval is that for the first second, in which a container starts whose image is there.
	firstInterval = 40 * time.Millisecond
	// progressDelay is how long a wait lasts before it is shown.
	progressDelay = time.Second
)

// waitFor is the subject of a wait.
type waitFor struct {
	session Session
	// target and targetID identify the container whose end would end the helper; "" for a copy.
	target, targetID string
}

// notRunning is the error of a wait that timed out.
type notRunning struct{ error }

func (n notRunning) Unwrap() error { return n.error }

// wait returns the pod once the container of the session runs. It fails after o.Timeout, when ctx ends, or as soon as
// the kubelet gives a reason that waiting does not fix.
func wait(ctx context.Context, o Deps, w waitFor) (last *corev1.Pod, err error) {
	s := w.session
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTimeout)
	defer cancel()
	begin, said, state, ask := time.Now(), false, "no status yet", askAfter
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
		case err != nil:
			return last, unread(s, err)
		default:
			last = pod
			var done bool
			if done, state, err = w.evaluate(pod); done || err == nil && w.answers(ctx, o, time.Since(begin), &ask) {
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
		pause := firstInterval
		if time.Since(begin) > progressDelay {
			pause, said = cluster.PollInterval, true
			o.Report.Waiting(fmt.Sprintf("waiting for container %s in pod/%s: %s", s.Container, s.Pod, state))
		}
		select {
		case <-ctx.Done():
			return last, waitEnd(ctx, o, s, state)
		case <-time.After(pause):
		}
	}
}

func unread(s Session, err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("wait for container %s: pod/%s was deleted", s.Container, s.Pod)
	}
	return fmt.Errorf("wait for container %s in pod/%s: %w", s.Container, s.Pod, err)
}

// askAfter is how long the API may take to report that a helper runs before the helper itself is asked.
const askAfter = 3 * time.Second

// answers reports whether a helper runs, whatever the API says: while the kubelet runs one again that had ended, the API
// server refuses every new status of the pod. It asks after a time, then after twice that time, and so on.
func (w waitFor) answers(ctx context.Context, o Deps, waited time.Duration, ask *time.Duration) bool {
	if w.targetID == "" || waited < *ask {
		return false
	}
	*ask *= 2
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	exec, err := o.Exec(at(&w.session), false)
	return err == nil && exec.Run(ctx, []string{"true"}, nil, io.Discard, io.Discard) == nil
}

// settleTime is how long the API may take to report that the target has ended, after its helper failed to start for
// that reason.
const settleTime = 2 * time.Second

// doubtful reports whether the runtime may refuse a helper because its target has just ended, which the API reports a
// moment later: a container cannot join the processes of an ended one.
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
	return hint.With(notRunning{fmt.Errorf("wait for container %s in pod/%s: not running after %s: %s", s.Container, s.Pod, cluster.FormatDuration(o.Timeout), state)},
		fmt.Sprintf("run kubectl describe pod -n %s %s, or use a longer --timeout", s.Namespace, s.Pod))
}

// evaluate reads one answer: done, or not yet and why, or a final error.
func (w waitFor) evaluate(pod *corev1.Pod) (done bool, state string, err error) {
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
		return false, "", fmt.Errorf("start container %s in pod/%s: it exited at once with code %d: %s",
			s.Container, s.Pod, t.ExitCode, below(t.Reason, t.Message))
	case ok && st.State.Waiting != nil:
		return false, st.State.Waiting.Reason, fatal(s, st.State.Waiting)
	case pod.Status.Phase == corev1.PodFailed:
		return false, "", fmt.Errorf("start pod/%s: %s", s.Pod, below(pod.Status.Reason, pod.Status.Message))
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return false, "", fmt.Errorf("schedule pod/%s: %s", s.Pod, below(c.Reason, c.Message))
		}
	}
	return false, "the kubelet has not started it yet", nil
}

// targetGone returns an error if the target has ended or restarted: its helper ended too, or cannot start.
func (w waitFor) targetGone(pod *corev1.Pod) error {
	st, ok := podspec.Status(pod, w.target)
	if w.targetID == "" || !ok {
		return nil
	}
	err := target.Target{Pod: pod, Container: w.target}.CheckContainer()
	if err == nil && !containsID(st, w.targetID) {
		err = hint.With(fmt.Errorf("join container %s in pod/%s: it restarted while the helper started", w.target, pod.Name),
			fmt.Sprintf("run it again, or kubectl shareproc debug %s --copy --hold if it crashes too soon", pod.Name))
	}
	return err
}

// failedInit returns an error if an init container of a copy failed: the kubelet does not restart it there, and may
// leave the pod pending.
func failedInit(s Session, pod *corev1.Pod) error {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return nil
	}
	for _, st := range pod.Status.InitContainerStatuses {
		if t := st.State.Terminated; t != nil && t.ExitCode != 0 {
			return hint.With(fmt.Errorf("start pod/%s: init container %s failed with exit code %d%s", s.Pod, st.Name, t.ExitCode, below("", t.Message)),
				fmt.Sprintf("use --hold=%s for a shell in its place, or --image with a static busybox if it is %s", st.Name, podspec.ToolsContainer))
		}
	}
	return nil
}

func containsID(st *corev1.ContainerStatus, id string) bool {
	n := len(st.ContainerID) - len(id)
	return n >= 0 && st.ContainerID[n:] == id
}

// fatal returns an error for a reason of the kubelet that waiting does not fix (pkg/kubelet/images/types.go and
// pkg/kubelet/container/sync_result.go of Kubernetes).
func fatal(s Session, w *corev1.ContainerStateWaiting) error {
	err := fmt.Errorf("start container %s in pod/%s: %s", s.Container, s.Pod, below(w.Reason, w.Message))
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return hint.With(err, "use --image with a static busybox that the nodes of this cluster can pull")
	case "RunContainerError":
		return hint.With(err, "use --copy if the pod has as many processes or as much memory as it may have, or --image with a static busybox if this one has no sh")
	case "CreateContainerError":
		return hint.With(err, fmt.Sprintf("use --image with a static busybox if this one has no sh; otherwise run kubectl describe pod -n %s %s", s.Namespace, s.Pod))
	case "CreateContainerConfigError", "CrashLoopBackOff":
		return hint.With(err, fmt.Sprintf("kubectl describe pod -n %s %s", s.Namespace, s.Pod))
	}
	return nil
}
