// SPDX-License-Identifier: Apache-2.0

package lifecycle

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

// killed is the exit code of a command that SIGKILL ended, as the end of its container does.
const killed = 128 + 9

// Times bound what is asked about a container.
type Times struct {
	// Exit is how long the cluster may take to report the exit code of a shell.
	Exit time.Duration
	// End is how long the API server may take to learn that a container has ended whose streams have, and half of it
	// how long from the end of a helper to that of the target, which says why.
	End time.Duration
	// Look is how often the pod is read beside a stream. A shorter command costs no request.
	Look time.Duration
}

// DefaultTimes are those of a session.
func DefaultTimes() Times {
	return Times{Exit: 12 * time.Second, End: 4 * time.Second, Look: 5 * time.Second}
}

// Lifetime knows how long the streams into a container can last, and why they end.
type Lifetime struct {
	attach.Container
	Client kubernetes.Interface
	// Target is the target container, and TargetID its runtime's id, as they were when the session was opened.
	Target   target.Target
	TargetID string
	// PodUID keeps another pod of the same name from being taken for this one.
	PodUID string
	// Helper is true for an ephemeral container, and Joined if it is in the process namespace of the target alone, with which
	// it ends.
	Helper, Joined bool
	// Lost is advice for a connection that is lost.
	Lost string
	Times
}

// Guard returns a context that ends, with the reason as its cause, when the container or its pod does: a stream into
// a pod that goes away can hang for ever where containers share their process namespace (kubernetes/kubernetes#89233).
func (l Lifetime) Guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	crash.Go(ctx, func() {
		ticker := time.NewTicker(l.Look)
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

// Explain is the only place that describes how a stream ended. An exit code of the command itself, and an interrupt,
// are returned unchanged; otherwise the error names the cause that the API reports.
func (l Lifetime) Explain(ctx context.Context, err error) error {
	exit, exited := errors.AsType[*attach.ExitError](err)
	limit := l.End
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
		return hint.With(err, l.Lost)
	case NeverBegan(err):
		return hint.With(err, fmt.Sprintf("kubectl shareproc debug -n %s %s --copy if the pod has as many processes or as much memory as it may have: a copy has limits of its own",
			l.Namespace, l.Pod))
	}
	return err
}

// NeverBegan reports whether the API server or the kubelet refused an exec, as for a container that has exited.
func NeverBegan(err error) bool {
	var status apierrors.APIStatus
	_, exited := errors.AsType[*attach.ExitError](err)
	_, refused := errors.AsType[*attach.ConnectError](err)
	return !exited && (refused || errors.As(err, &status))
}

// Ended reports whether an error is that the container or pod of a session has ended.
func Ended(err error) bool {
	_, ended := errors.AsType[EndedError](err)
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

// awaitEnd returns why the container of the session ended, once the API reports it; empty if it reports nothing within
// limit. It asks at least once.
func (l Lifetime) awaitEnd(ctx context.Context, limit time.Duration) end {
	ctx, cancel := context.WithTimeout(ctx, limit+l.End/2)
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
		settled := !first.IsZero() && time.Since(first) >= l.End/2 || first.IsZero() && time.Since(begin) >= limit
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

// EndedError reports that the container or pod of a session ended.
type EndedError struct {
	Cause string
	// Own is true if only a helper ended.
	Own bool
}

func (e EndedError) Error() string { return fmt.Sprintf("session ended: %s", e.Cause) }

func (l Lifetime) endError(e end) error {
	return hint.With(EndedError{e.text, e.own},
		fmt.Sprintf("run it again, or kubectl get pod -n %s %s to see its state", l.Namespace, l.Pod))
}

// lookForEnd reads the pod once. No answer means no end.
func (l Lifetime) lookForEnd(ctx context.Context) end {
	pod, err := l.Client.CoreV1().Pods(l.Namespace).Get(ctx, l.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return end{text: "pod/" + l.Pod + " was deleted", certain: true}
	case err != nil:
		return end{}
	case l.PodUID != "" && string(pod.UID) != l.PodUID:
		return end{text: "pod/" + l.Pod + " was deleted and replaced by one of the same name", certain: true}
	}
	gone, joined := l.endOfTarget(pod), l.Joined
	st, ok := podspec.Status(pod, l.Name)
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
		text := fmt.Sprintf("container %s in pod/%s %s", l.Name, l.Pod, terminated("terminated", st.State.Terminated))
		if st.State.Terminated.Reason == oomKilled && l.Helper {
			text = fmt.Sprintf("helper %s in pod/%s ran out of memory%s", l.Name, l.Pod, podMemory(&pod.Spec))
		}
		return end{text: text + lastWords(st.State.Terminated), certain: !joined, own: true}
	}
	return end{}
}

// endOfTarget describes how the target container ended; "" if it is running.
func (l Lifetime) endOfTarget(pod *corev1.Pod) string {
	st, ok := podspec.Status(pod, l.Target.Container)
	if !ok || l.TargetID == "" || st.State.Running != nil && containsID(st, l.TargetID) {
		return ""
	}
	what, why := "terminated", st.State.Terminated
	if why == nil || !containsID(st, l.TargetID) {
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
func (l Lifetime) nodeNotReady(ctx context.Context) bool {
	if l.Target.Pod == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, l.End)
	defer cancel()
	node := target.NodeOf(ctx, l.Client, l.Target.Pod)
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

// ExplainAttach distinguishes a shell that exited, whose code only the API knows, from a lost connection.
func (l Lifetime) ExplainAttach(ctx context.Context, err error) error {
	limit := l.Exit
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
		err = fmt.Errorf("attach to container %s in pod/%s: %w", l.Name, l.Pod, attach.ErrLost)
	}
	return l.Explain(ctx, err)
}

// exitCode waits for the exit code of a shell whose stream ended; ok is false if it did not exit, or if the API does
// not report it within limit.
func (l Lifetime) exitCode(ctx context.Context, limit time.Duration) (code int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(cluster.PollInterval)
	defer ticker.Stop()
	for {
		pod, err := l.Client.CoreV1().Pods(l.Namespace).Get(ctx, l.Pod, metav1.GetOptions{})
		if err == nil {
			if st, found := podspec.Status(pod, l.Name); found && st.State.Terminated != nil {
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
