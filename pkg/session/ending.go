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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

const (
	// exitTime is how long the cluster may take to report the exit code of a shell.
	exitTime = 12 * time.Second
	// guardEvery is how often the pod is read beside a stream. A shorter command costs no request.
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
	if l.Patched != nil {
		crash.Go(ctx, func() { workloads{l.deps}.hold(ctx, l.Namespace, *l.Patched) })
	}
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

// explain is the only place that describes how a stream ended. An exit code of the command itself, and an interrupt,
// are returned unchanged; otherwise the error names the cause that the API reports.
func (l lifetime) explain(ctx context.Context, err error) error {
	exit, exited := errors.AsType[*attach.ExitError](err)
	limit := l.endTime
	switch {
	case err == nil, ctx.Err() != nil, hint.Of(err) != "":
		return err
	case exited && exit.Code <= 128, !exited && !StreamFailed(err):
		return rbac.Advise(err, l.Namespace, rbac.Rule("create", "pods/exec"))
	case exited && exit.Code != killed:
		limit = 0 // another signal is from the command itself, unless the API reports otherwise
	}
	if end := l.awaitEnd(ctx, limit); end.text != "" {
		return l.endError(end)
	}
	if !exited && l.nodeNotReady(ctx) {
		err = fmt.Errorf("node %s of pod/%s is not ready: %w", l.Target.Pod.Spec.NodeName, l.Pod, err)
	}
	switch {
	case errors.Is(err, attach.ErrLost):
		return hint.With(err, l.reconnectHint())
	case neverBegan(err):
		return hint.With(err, fmt.Sprintf("kubectl shareproc debug -n %s %s --copy if the pod has as many processes or as much memory as it may have: a copy has limits of its own",
			l.Namespace, l.Pod))
	}
	return err
}

// Ended reports whether an error is that the container or pod of a session has ended.
func Ended(err error) bool {
	_, ended := errors.AsType[endedError](err)
	return ended
}

// StreamFailed reports whether the cluster broke off or refused an exec; false if the command reported an error.
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

// reconnectHint advises how to continue after the connection was lost.
func (l lifetime) reconnectHint() string {
	switch {
	case l.Copy, l.Patched != nil:
		return "once the network is back, run kubectl shareproc sessions -n " + l.Namespace + " to see what is left"
	case l.Keep > 0:
		return "once the network is back, run " + l.AttachCommand() + ": the shell keeps running, and " + l.ShellExit()
	default:
		return fmt.Sprintf("once the network is back, run kubectl shareproc debug -n %s %s: helper %s is still there, but not what ran in it; --persist keeps a shell",
			l.Namespace, l.Pod, l.Container)
	}
}

// awaitEnd returns why the container of the session ended, once the API reports it; empty if it reports nothing within
// limit. It asks at least once.
func (l lifetime) awaitEnd(ctx context.Context, limit time.Duration) end {
	ctx, cancel := context.WithTimeout(ctx, limit+l.endTime/2)
	defer cancel()
	ticker := time.NewTicker(cluster.PollInterval)
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

// An end is why the container of a session ended.
type end struct {
	text string
	// certain is false if the container may still run, or if the API may report a better reason.
	certain bool
	// deleting explains a stream that has ended, but does not end one.
	deleting bool
	// own is true if nothing is known except that the container of the session itself ended.
	own bool
}

// endedError reports that the container or pod of a session ended.
type endedError struct {
	cause string
	// own is true if only a helper ended.
	own bool
}

func (e endedError) Error() string { return fmt.Sprintf("session ended: %s", e.cause) }

func (l lifetime) endError(e end) error {
	return hint.With(endedError{e.text, e.own},
		fmt.Sprintf("run it again, or kubectl get pod -n %s %s to see its state", l.Namespace, l.Pod))
}

// lookForEnd reads the pod once. No answer means no end.
func (l lifetime) lookForEnd(ctx context.Context) end {
	pod, err := l.deps.Client.CoreV1().Pods(l.Namespace).Get(ctx, l.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return end{text: "pod/" + l.Pod + " was deleted", certain: true}
	case err != nil:
		return end{}
	case l.podUID != "" && string(pod.UID) != l.podUID:
		return end{text: "pod/" + l.Pod + " was deleted and replaced by one of the same name", certain: true}
	}
	gone, joined := l.endOfTarget(pod), l.joins()
	st, ok := podspec.Status(pod, l.Container)
	over := ok && st.State.Terminated != nil
	switch {
	case pod.Status.Reason != "" && target.Finished(pod):
		return end{text: target.HowEnded(pod), certain: true}
	case pod.DeletionTimestamp != nil:
		return end{text: "pod/" + l.Pod + " is being deleted", certain: over, deleting: true}
	case joined && gone != "":
		return end{text: gone, certain: true}
	case target.Finished(pod):
		return end{text: target.HowEnded(pod), certain: true}
	case over:
		// A helper ends with its target, which the API may report a moment later.
		text := fmt.Sprintf("container %s in pod/%s %s", l.Container, l.Pod, terminated("terminated", st.State.Terminated))
		if st.State.Terminated.Reason == oomKilled && !l.Copy && l.Patched == nil {
			text = fmt.Sprintf("helper %s in pod/%s ran out of memory%s", l.Container, l.Pod, podMemory(&pod.Spec))
		}
		return end{text: text + lastWords(st.State.Terminated), certain: !joined, own: true}
	}
	return end{}
}

// joins reports whether the session is in the process namespace of its target alone, and ends with it.
func (l lifetime) joins() bool { return !l.View.Pod() && !l.Copy && l.Patched == nil }

// endOfTarget describes how the target container ended; "" if it is running.
func (l lifetime) endOfTarget(pod *corev1.Pod) string {
	st, ok := podspec.Status(pod, l.Target.Container)
	if !ok || l.targetID == "" || st.State.Running != nil && containsID(st, l.targetID) {
		return ""
	}
	what, why := "terminated", st.State.Terminated
	if why == nil || !containsID(st, l.targetID) {
		what, why = "restarted", st.LastTerminationState.Terminated
	}
	return fmt.Sprintf("container %s in pod/%s %s", l.Target.Container, l.Pod, terminated(what, why))
}

// oomKilled is the kubelet's reason for a container that ran out of memory. On cgroup v2 all of it ends with the process
// that took too much (memory.oom.group), a helper with the command that ran in it.
const oomKilled = "OOMKilled"

// podMemory names the limit that a helper shares with the containers of its pod.
func podMemory(spec *corev1.PodSpec) string {
	limit := podspec.MemoryLimit(spec)
	if limit == nil {
		return ""
	}
	return fmt.Sprintf(": the pod may use %s", limit)
}

// explainKill says that a program of ours was killed where its helper may go on. Another connection would not change what for.
func explainKill(l lifetime, err error) error {
	if exit, ok := errors.AsType[*attach.ExitError](err); !ok || exit.Code != killed || l.Target.Pod == nil {
		return err
	}
	return final{hint.With(fmt.Errorf("a program in container %s of pod/%s was killed, most likely for lack of memory%s", l.Container, l.Pod, podMemory(&l.Target.Pod.Spec)),
		fmt.Sprintf("kubectl shareproc top -n %s %s, for what is in use", l.Namespace, l.Pod))}
}

// terminated adds the reason that the kubelet reports.
func terminated(what string, t *corev1.ContainerStateTerminated) string {
	switch {
	case t == nil:
		return what
	case t.Reason == oomKilled:
		return fmt.Sprintf("%s: out of memory (OOMKilled, exit code %d)", what, t.ExitCode)
	case t.Reason == "":
		return fmt.Sprintf("%s with exit code %d", what, t.ExitCode)
	}
	return fmt.Sprintf("%s with exit code %d (%s)", what, t.ExitCode, t.Reason)
}

// lastWords is what a helper's container said when it exited, which is not what it notes while it waits.
func lastWords(t *corev1.ContainerStateTerminated) string {
	const most = 200
	line, _, _ := strings.Cut(strings.TrimSpace(t.Message), "\n")
	if line == "" || strings.HasPrefix(line, "process ") {
		return ""
	}
	return ": " + line[:min(len(line), most)]
}

// nodeNotReady reports whether the node of the session is not ready, if the user may read it.
func (l lifetime) nodeNotReady(ctx context.Context) bool {
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

// NodeOf reads the node of a pod; nil if it has none, or if the user may not get it.
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

// explainAttach distinguishes a shell that exited, whose code only the API knows, from a lost connection.
func (l lifetime) explainAttach(ctx context.Context, err error) error {
	limit := l.exitTime
	if err != nil {
		limit /= 4 // a lost connection is more likely than an exit
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
		err = fmt.Errorf("attach to container %s in pod/%s: %w", l.Container, l.Pod, attach.ErrLost)
	}
	return l.explain(ctx, err)
}

// exitCode waits for the exit code of a shell whose stream ended; ok is false if it did not exit, or if the API does
// not report it within limit.
func (l lifetime) exitCode(ctx context.Context, limit time.Duration) (code int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(cluster.PollInterval)
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
