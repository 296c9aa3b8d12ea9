// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

const (
	// exitTime is how long the cluster may take to tell how a shell ended.
	exitTime = 12 * time.Second
	// guardEvery is how often the pod is read beside a stream. A command that is quicker costs no request.
	guardEvery = 5 * time.Second
	// endTime is how long the API server may take to learn that a container has ended whose streams have, and half of it
	// how long from the end of a helper to that of the target, which says why.
	endTime = 4 * time.Second
	// killed is the exit code of a command that SIGKILL ended, as the end of its container does.
	killed = 128 + 9
)

// lifetime knows how long the streams of a session can last, and why they end.
type lifetime struct{ *Session }

// guard returns a context that ends, with the reason as its cause, when the session's container or pod does: a stream into
// a pod that goes away can hang for ever where containers share their process namespace (kubernetes/kubernetes#89233).
func (l lifetime) guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	// The session may go on in another helper while this one is still asked about.
	now := *l.Session
	l = lifetime{&now}
	crash.Go(ctx, func() {
		ticker := time.NewTicker(l.guardEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if e := l.lookForEnd(ctx); e.certain {
				cancel(l.endError(e))
				return
			}
		}
	})
	return ctx, func() { cancel(context.Canceled) }
}

// explain is the one place that says how a stream ended. A command that ended by itself, and an interrupt, need no words;
// what the cluster ended is told by its cause, which the stream does not know.
func (l lifetime) explain(ctx context.Context, err error) error {
	exit, exited := errors.AsType[*attach.ExitError](err)
	limit := l.endTime
	switch {
	case err == nil, ctx.Err() != nil, hint.Of(err) != "":
		return err
	case exited && exit.Code <= 128, !exited && !StreamFailed(err):
		return lacking(err, l.Namespace, Rule("create", "pods/exec"))
	case exited && exit.Code != killed:
		limit = 0 // a signal of another number is the command's own, unless the API knows better
	}
	if end := l.awaitEnd(ctx, limit); end.text != "" {
		return l.endError(end)
	}
	if !exited && l.nodeAway(ctx) {
		err = fmt.Errorf("node %s of pod/%s does not answer: %w", l.Target.Pod.Spec.NodeName, l.Pod, err)
	}
	if errors.Is(err, attach.ErrLost) {
		return hint.With(err, l.wayBack())
	}
	return err
}

// StreamFailed tells an exec that the cluster broke off or refused from one whose command said what was wrong.
func StreamFailed(err error) bool {
	var status apierrors.APIStatus
	if refused, ok := errors.AsType[*attach.ConnectError](err); ok {
		return refused.By == attach.Kubelet
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, attach.ErrLost):
		return true
	case errors.As(err, &status):
		return !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err)
	default:
		return false
	}
}

// wayBack says how to go on after the loss of a connection.
func (l lifetime) wayBack() string {
	switch {
	case l.Copy, l.Patched != nil:
		return "kubectl shareproc sessions -n " + l.Namespace + ", once the network is back, for what is left"
	case l.Keep > 0:
		return l.AttachCommand() + ", once the network is back: the shell runs on, and " + l.ShellEnding()
	default:
		return fmt.Sprintf("kubectl shareproc debug -n %s %s, once the network is back: helper %s waits there, without what ran in it; --persist keeps a shell",
			l.Namespace, l.Pod, l.Container)
	}
}

// awaitEnd says why the session's container has ended, once the API server knows; it is empty where that does not know of an
// end within limit. It asks once in any case.
func (l lifetime) awaitEnd(ctx context.Context, limit time.Duration) end {
	ctx, cancel := context.WithTimeout(ctx, limit+l.endTime/2)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	begin, first := time.Now(), time.Time{}
	var last end
	for {
		if e := l.lookForEnd(ctx); e.text != "" {
			last = e
			if first.IsZero() {
				first = time.Now()
			}
		}
		settled := !first.IsZero() && time.Since(first) >= l.endTime/2 || first.IsZero() && time.Since(begin) >= limit
		if last.certain || last.deleting || settled {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-ticker.C:
		}
	}
}

// An end is why a session's container has ended.
type end struct {
	text string
	// certain is false where the container may still run, or where the API may learn of a better reason.
	certain bool
	// deleting is reason enough for a stream that has ended, and none for one that has not.
	deleting bool
	// own tells that no more is known than that the session's own container ended.
	own bool
}

// endedError is the end of a session's container or pod.
type endedError struct {
	cause string
	// own tells that nothing ended but a helper.
	own bool
}

func (e endedError) Error() string { return fmt.Sprintf("session ended: %s", e.cause) }

func (l lifetime) endError(e end) error {
	return hint.With(endedError{e.text, e.own},
		fmt.Sprintf("the same command again; kubectl get pod -n %s %s, for what became of it", l.Namespace, l.Pod))
}

// lookForEnd reads the pod once. An API server that does not answer says nothing of an end.
func (l lifetime) lookForEnd(ctx context.Context) end {
	pod, err := l.deps.Client.CoreV1().Pods(l.Namespace).Get(ctx, l.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return end{text: "pod/" + l.Pod + " was deleted", certain: true}
	case err != nil:
		return end{}
	case l.podUID != "" && string(pod.UID) != l.podUID:
		return end{text: "pod/" + l.Pod + " was deleted; another one has its name now", certain: true}
	}
	target, joined := l.endOfTarget(pod), l.joins()
	st, ok := podspec.Status(pod, l.Container)
	over := ok && st.State.Terminated != nil
	switch {
	case pod.Status.Reason != "" && finished(pod):
		return end{text: podEnd(pod), certain: true}
	case pod.DeletionTimestamp != nil:
		return end{text: "pod/" + l.Pod + " is being deleted", certain: over, deleting: true}
	case joined && target != "":
		return end{text: target, certain: true}
	case finished(pod):
		return end{text: podEnd(pod), certain: true}
	case over:
		// The container of a helper ends with its target's, which the API may learn a moment later.
		return end{text: fmt.Sprintf("container %s of pod/%s %s", l.Container, l.Pod, terminated("ended", st.State.Terminated)), certain: !joined, own: true}
	}
	return end{}
}

// joins tells whether the session's container is in the process namespace of its target alone, and ends with it.
func (l lifetime) joins() bool { return !l.View.Pod() && !l.Copy && l.Patched == nil }

// endOfTarget says how the target container that the session was opened for has ended; "" where it runs.
func (l lifetime) endOfTarget(pod *corev1.Pod) string {
	st, ok := podspec.Status(pod, l.Target.Container)
	if !ok || l.targetID == "" || st.State.Running != nil && containsID(st, l.targetID) {
		return ""
	}
	what, why := "ended", st.State.Terminated
	if why == nil || !containsID(st, l.targetID) {
		what, why = "restarted", st.LastTerminationState.Terminated
	}
	return fmt.Sprintf("container %s of pod/%s %s", l.Target.Container, l.Pod, terminated(what, why))
}

// terminated adds the kubelet's reason to what became of a container.
func terminated(what string, t *corev1.ContainerStateTerminated) string {
	switch {
	case t == nil:
		return what
	case t.Reason == "OOMKilled":
		return fmt.Sprintf("%s: out of memory (OOMKilled, exit code %d)", what, t.ExitCode)
	case t.Reason == "":
		return fmt.Sprintf("%s with exit code %d", what, t.ExitCode)
	}
	return fmt.Sprintf("%s with exit code %d (%s)", what, t.ExitCode, t.Reason)
}

// podEnd says how a pod has finished, in the words of whoever ended it.
func podEnd(pod *corev1.Pod) string {
	text := "pod/" + pod.Name + " finished"
	switch {
	case pod.Status.Reason == "Evicted":
		text = "pod/" + pod.Name + " was evicted"
	case pod.Status.Reason != "":
		text += ": " + pod.Status.Reason
	}
	if pod.Status.Message != "" {
		text += ": " + strings.Join(strings.Fields(pod.Status.Message), " ")
	}
	return text
}

// nodeAway tells whether the cluster has not heard of the session's node for a while, as far as the user may read it.
func (l lifetime) nodeAway(ctx context.Context) bool {
	if l.Target.Pod == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	node := NodeOf(ctx, l.deps.Client, l.Target.Pod)
	if node == nil {
		return false
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status != corev1.ConditionTrue
		}
	}
	return false
}

// NodeOf reads the node of a pod; nil where it has none, or where the user may not.
func NodeOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) *corev1.Node {
	if pod.Spec.NodeName == "" {
		return nil
	}
	n, err := client.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return n
}

// explainAttach tells a shell that has ended, whose code only the API knows, from a connection that has.
func (l lifetime) explainAttach(ctx context.Context, err error) error {
	limit := l.exitTime
	if err != nil {
		limit /= 4 // the shell's end is the less likely reason
	}
	code, ended := l.exitCode(ctx, limit)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case ended && code == 0:
		return nil
	case ended:
		if code == killed {
			if end := l.awaitEnd(ctx, 0); !end.own {
				return l.endError(end)
			}
		}
		return &attach.ExitError{Code: code}
	case err == nil:
		err = fmt.Errorf("attach to %s/%s: %w", l.Pod, l.Container, attach.ErrLost)
	}
	return l.explain(ctx, err)
}

// exitCode waits for how a shell has ended whose stream has; ok is false where it has not, or that can't be learned within
// limit.
func (l lifetime) exitCode(ctx context.Context, limit time.Duration) (code int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		pod, err := l.deps.Client.CoreV1().Pods(l.Namespace).Get(ctx, l.Pod, metav1.GetOptions{})
		if err == nil {
			if st, found := podspec.Status(pod, l.Container); found && st.State.Terminated != nil {
				return int(st.State.Terminated.ExitCode), true
			}
		}
		if apierrors.IsNotFound(err) {
			return 0, false
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-ticker.C:
		}
	}
}
