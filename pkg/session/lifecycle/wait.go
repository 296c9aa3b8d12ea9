// SPDX-License-Identifier: Apache-2.0

// Package lifecycle answers "does the container run, why does it not start, and how did it end?", in the words of the kubelet
// and of the runtime. It makes and ends no container.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

const (
	// firstInterval is how often a pod is read in the first second, in which a container starts whose image is there.
	firstInterval = 40 * time.Millisecond
	// progressDelay is how long a wait lasts before it is shown.
	progressDelay = time.Second
)

// Starting is a container that is to run.
type Starting struct {
	attach.Container
	// Target and TargetID identify the container whose end would end the helper; "" for a copy.
	Target, TargetID string
}

// NotRunning is the error of a wait that timed out.
type NotRunning struct{ error }

func (n NotRunning) Unwrap() error { return n.error }

// Wait returns the pod once a container runs. It fails after o.Timeout, when ctx ends, or as soon as
// the kubelet gives a reason that waiting does not fix.
func Wait(ctx context.Context, o cluster.Cluster, w Starting) (last *corev1.Pod, err error) {
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
		pod, err := o.Client.CoreV1().Pods(w.Namespace).Get(ctx, w.Pod, metav1.GetOptions{})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			return last, unread(w.Container, err)
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
			o.Report.Waiting(fmt.Sprintf("waiting for container %s in pod/%s: %s", w.Name, w.Pod, state))
		}
		select {
		case <-ctx.Done():
			return last, waitEnd(ctx, o, w.Container, state)
		case <-time.After(pause):
		}
	}
}

func unread(c attach.Container, err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("wait for container %s: pod/%s was deleted", c.Name, c.Pod)
	}
	return fmt.Errorf("wait for container %s in pod/%s: %w", c.Name, c.Pod, err)
}

// askAfter is how long the API may take to report that a helper runs before the helper itself is asked.
const askAfter = 3 * time.Second

// answerTime bounds its answer.
const answerTime = 5 * time.Second

// answers reports whether a helper runs, whatever the API says: while the kubelet runs one again that had ended, the API
// server refuses every new status of the pod. It asks after a time, then after twice that time, and so on.
func (w Starting) answers(ctx context.Context, o cluster.Cluster, waited time.Duration, ask *time.Duration) bool {
	if w.TargetID == "" || waited < *ask {
		return false
	}
	*ask *= 2
	exec, err := o.Exec(w.Container, false)
	if err == nil {
		_, err = cluster.Ask(ctx, exec, answerTime, []string{"true"})
	}
	return err == nil
}

// settleTime is how long the API may take to report that the target has ended, after its helper failed to start for
// that reason.
const settleTime = 2 * time.Second

// doubtful reports whether the runtime may refuse a helper because its target has just ended, which the API reports a
// moment later: a container cannot join the processes of an ended one.
func (w Starting) doubtful(pod *corev1.Pod) bool {
	helper, ok := podspec.Status(pod, w.Name)
	if !ok || helper.State.Waiting == nil || w.TargetID == "" {
		return false
	}
	st, ok := podspec.Status(pod, w.Target)
	stillThere := ok && st.State.Running != nil && containsID(st, w.TargetID)
	return stillThere && (helper.State.Waiting.Reason == "CreateContainerError" || helper.State.Waiting.Reason == "RunContainerError")
}

var errTimeout = errors.New("timeout")

func waitEnd(ctx context.Context, o cluster.Cluster, c attach.Container, state string) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, errTimeout) {
		return cause
	}
	return hint.With(NotRunning{fmt.Errorf("wait for container %s in pod/%s: not running after %s: %s", c.Name, c.Pod, cluster.FormatDuration(o.Timeout), state)},
		fmt.Sprintf("run kubectl describe pod -n %s %s, or use a longer --timeout", c.Namespace, c.Pod))
}

// evaluate reads one answer: done, or not yet and why, or a final error.
func (w Starting) evaluate(pod *corev1.Pod) (done bool, state string, err error) {
	if pod.DeletionTimestamp != nil {
		return false, "", fmt.Errorf("wait for container %s: pod/%s is being deleted", w.Name, w.Pod)
	}
	if err := w.targetGone(pod); err != nil {
		return false, "", err
	}
	if err := failedInit(w.Container, pod); err != nil {
		return false, "", err
	}
	st, ok := podspec.Status(pod, w.Name)
	switch {
	case ok && st.State.Running != nil:
		return true, "", nil
	case ok && st.State.Terminated != nil:
		t := st.State.Terminated
		return false, "", fmt.Errorf("start container %s in pod/%s: it exited at once with code %d: %s",
			w.Name, w.Pod, t.ExitCode, below(t.Reason, t.Message))
	case ok && st.State.Waiting != nil:
		return false, st.State.Waiting.Reason, Fatal(w.Container, st.State.Waiting)
	case pod.Status.Phase == corev1.PodFailed:
		return false, "", fmt.Errorf("start pod/%s: %s", w.Pod, below(pod.Status.Reason, pod.Status.Message))
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return false, "", fmt.Errorf("schedule pod/%s: %s", w.Pod, below(c.Reason, c.Message))
		}
	}
	return false, "the kubelet has not started it yet", nil
}

// targetGone returns an error if the target has ended or restarted: its helper ended too, or cannot start.
func (w Starting) targetGone(pod *corev1.Pod) error {
	st, ok := podspec.Status(pod, w.Target)
	if w.TargetID == "" || !ok {
		return nil
	}
	err := target.Target{Pod: pod, Container: w.Target}.CheckContainer()
	if err == nil && !containsID(st, w.TargetID) {
		err = hint.With(fmt.Errorf("join container %s in pod/%s: it restarted while the helper started", w.Target, pod.Name),
			fmt.Sprintf("run it again, or kubectl shareproc debug %s --copy --hold if it crashes too soon", pod.Name))
	}
	return err
}

// failedInit returns an error if an init container of a copy failed: the kubelet does not restart it there, and may
// leave the pod pending.
func failedInit(c attach.Container, pod *corev1.Pod) error {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return nil
	}
	for _, st := range pod.Status.InitContainerStatuses {
		if t := st.State.Terminated; t != nil && t.ExitCode != 0 {
			return hint.With(fmt.Errorf("start pod/%s: init container %s failed with exit code %d%s", c.Pod, st.Name, t.ExitCode, below("", t.Message)),
				fmt.Sprintf("use --hold=%s for a shell in its place, or --image with a static busybox if it is %s", st.Name, podspec.ToolsContainer))
		}
	}
	return nil
}

func containsID(st *corev1.ContainerStatus, id string) bool {
	n := len(st.ContainerID) - len(id)
	return n >= 0 && st.ContainerID[n:] == id
}

// Fatal returns an error for a reason of the kubelet that waiting does not fix (pkg/kubelet/images/types.go and
// pkg/kubelet/container/sync_result.go of Kubernetes).
func Fatal(c attach.Container, w *corev1.ContainerStateWaiting) error {
	err := fmt.Errorf("start container %s in pod/%s: %s", c.Name, c.Pod, below(w.Reason, w.Message))
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return hint.With(err, "use --image with a static busybox that the nodes of this cluster can pull")
	case "RunContainerError":
		return hint.With(err, "use --copy if the pod has as many processes or as much memory as it may have, or --image with a static busybox if this one has no sh")
	case "CreateContainerError":
		return hint.With(err, fmt.Sprintf("use --image with a static busybox if this one has no sh; otherwise run kubectl describe pod -n %s %s", c.Namespace, c.Pod))
	case "CreateContainerConfigError", "CrashLoopBackOff":
		return hint.With(err, fmt.Sprintf("kubectl describe pod -n %s %s", c.Namespace, c.Pod))
	}
	return nil
}

const (
	// screen is the narrowest terminal that a line is kept to.
	screen = 80
	// maxWords is how many lines of a runtime's own words are shown.
	maxWords = 5
)

// below puts what the kubelet or the runtime says under a reason: the first lines of it, no wider than a screen.
func below(reason, words string) string {
	lines := []string{reason}
	line := " "
	for _, word := range strings.Fields(words) {
		if len(line)+1+len(word) > screen && line != " " {
			lines, line = append(lines, line), " "
		}
		line += " " + word
	}
	if line != " " {
		lines = append(lines, line)
	}
	if len(lines) > maxWords+1 {
		lines = append(lines[:maxWords], lines[maxWords]+" ...")
	}
	return strings.Join(lines, "\n")
}
