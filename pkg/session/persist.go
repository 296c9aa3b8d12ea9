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

var createAttach = rule{"create", "pods", "attach"}

// openPersistent adds a helper that keeps a shell. Nothing can be run in it to learn what it sees, so there is no second
// one; and none that runs already takes its place: two people would type into one shell.
func (o *Opener) openPersistent(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	if err := o.prepare(ctx, t.Pod, getPods, patchEphemeral, createAttach); err != nil {
		return Session{}, err
	}
	s, _, err := o.start(ctx, t, plan)
	s.Keep = o.Keep
	return s, err
}

// ending says when the helper of a plan ends.
func (o *Opener) ending(plan Plan) string {
	if plan.Way == Persist {
		return "it " + Session{Keep: o.Keep}.ShellEnding()
	}
	return o.Ending()
}

// ShellEnding says when a shell that is left ends.
func (s Session) ShellEnding() string {
	return "ends by itself " + brief(s.Keep) + " after the last key, unless a command runs in it"
}

// OnlyAttach tells whether err is the want of pods/exec for one who may attach. running says that err came from a session
// that was open already: what is forbidden in it is the exec.
func (o *Opener) OnlyAttach(ctx context.Context, namespace string, running bool, err error) bool {
	lack, lacks := errors.AsType[lackError](err)
	switch {
	case lacks && len(lack.missing) == 1 && lack.missing[0] == createExec:
	case running && apierrors.IsForbidden(err):
	default:
		return false
	}
	return !o.denied(ctx, namespace, createAttach)
}

// LackAttach adds to an answer of attach that says "forbidden" the rule that would allow it.
func LackAttach(err error, namespace string) error { return lacking(err, namespace, createAttach) }

// Shells lists the names of a pod's running helpers that keep a shell, the newest first.
func Shells(pod *corev1.Pod) []string {
	var names []string
	for _, c := range newestFirst(pod) {
		if podspec.IsPersistent(&c) && running(pod, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// FindShell finds the helper of a pod to attach to: the one of that name, else the newest that the user made, else the
// newest. The error says why there is none.
func (o *Opener) FindShell(ctx context.Context, pod *corev1.Pod, name string) (Session, error) {
	if name != "" {
		return o.namedShell(pod, name)
	}
	names := Shells(pod)
	if len(names) == 0 {
		return Session{}, hint.With(fmt.Errorf("attach to pod/%s: no shell was left in it%s", pod.Name, lastShell(pod)),
			fmt.Sprintf("kubectl shareproc debug -n %s %s --persist, which starts one", pod.Namespace, pod.Name))
	}
	if len(names) == 1 {
		return shellSession(pod, names[0]), nil
	}
	chosen, mine := names[0], ""
	if who := o.who(ctx); who != "" {
		for _, c := range newestFirst(pod) {
			if podspec.IsPersistent(&c) && running(pod, c.Name) && podspec.MadeBy(&c) == who {
				chosen, mine = c.Name, " of yours"
				break
			}
		}
	}
	if ctx.Err() != nil {
		return Session{}, context.Cause(ctx)
	}
	o.Say("pod/%s has %d shells (%s); attaching to %s, the newest%s; -c names another", pod.Name, len(names), strings.Join(names, ", "), chosen, mine)
	return shellSession(pod, chosen), nil
}

func (o *Opener) namedShell(pod *corev1.Pod, name string) (Session, error) {
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		if c.Name != name || !podspec.IsPersistent(c) {
			continue
		}
		st, ok := podspec.Status(pod, name)
		switch {
		case ok && st.State.Running != nil:
			return shellSession(pod, name), nil
		case ok && st.State.Terminated != nil:
			return Session{}, hint.With(fmt.Errorf("attach to container %s of pod/%s: its shell has ended with exit code %d", name, pod.Name, st.State.Terminated.ExitCode),
				fmt.Sprintf("kubectl shareproc debug -n %s %s --persist, which starts another", pod.Namespace, pod.Name))
		default:
			return Session{}, hint.With(fmt.Errorf("attach to container %s of pod/%s: it has not started", name, pod.Name), "the same command again, once it runs")
		}
	}
	try := fmt.Sprintf("kubectl shareproc debug -n %s %s --persist, which starts one", pod.Namespace, pod.Name)
	if names := Shells(pod); len(names) > 0 {
		try = "one of: " + strings.Join(names, ", ")
	}
	return Session{}, hint.With(fmt.Errorf("attach to container %s of pod/%s: no shell was left there", name, pod.Name), try)
}

// lastShell says how the last shell that was left in a pod ended.
func lastShell(pod *corev1.Pod) string {
	var last *corev1.ContainerStateTerminated
	name := ""
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		st, ok := podspec.Status(pod, c.Name)
		if ok && podspec.IsPersistent(c) && st.State.Terminated != nil && (last == nil || last.FinishedAt.Before(&st.State.Terminated.FinishedAt)) {
			last, name = st.State.Terminated, c.Name
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf("; %s has ended with exit code %d", name, last.ExitCode)
}

func shellSession(pod *corev1.Pod, name string) Session {
	s := Session{Namespace: pod.Namespace, Pod: pod.Name, Container: name, Running: true, podUID: string(pod.UID)}
	for i := range pod.Spec.EphemeralContainers {
		if c := &pod.Spec.EphemeralContainers[i]; c.Name == name {
			s.View = View{Container: c.TargetContainerName}
			s.Keep, _ = podspec.KeepOf(c)
		}
	}
	return s
}

// ShellExit waits for how a shell has ended whose stream has; ok is false where it has not, or that can't be learned within
// limit: the kubelet tells the API a moment later.
func (o *Opener) ShellExit(ctx context.Context, s Session, limit time.Duration) (code int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		pod, err := o.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
		if err == nil {
			if st, found := podspec.Status(pod, s.Container); found && st.State.Terminated != nil {
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
