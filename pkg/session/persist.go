// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// openPersistent adds a helper that keeps a shell. Nothing can be run in it to learn what it sees, so there is no second
// one; and none that runs already takes its place: two people would type into one shell.
func (o helperOpener) openPersistent(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, err
	}
	o.Deps = deps
	s, _, err := o.start(ctx, t, plan)
	s.Keep = o.Keep
	return s, err
}

// ending says when the helper of a plan ends.
func (o helperOpener) ending(plan Plan) string {
	if plan.Mode == Persist {
		return "it " + Session{Keep: o.Keep}.ShellEnding()
	}
	return o.Deps.ending()
}

// AttachCommand is the command that goes back into a shell that is kept.
func (s *Session) AttachCommand() string {
	return fmt.Sprintf("kubectl shareproc attach -n %s %s -c %s", s.Namespace, s.Pod, s.Container)
}

// ShellEnding says when a shell that is left ends.
func (s Session) ShellEnding() string {
	return "ends by itself " + brief(s.Keep) + " after the last key, unless a command runs in it"
}

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

// FindShell is findShell, ready to attach to.
func FindShell(ctx context.Context, d Deps, t target.Target, name string) (*Session, error) {
	s, err := findShell(ctx, d, t.Pod, name)
	if err != nil {
		return nil, err
	}
	d.sayLogged("of container " + s.Container)
	t.Container = s.View.Container
	return d.opened(ctx, &s, t, Request{Persist: true}, nil)
}

// findShell finds the helper of a pod to attach to: the one of that name, else the newest that the user made, else the
// newest. The error says why there is none.
func findShell(ctx context.Context, o Deps, pod *corev1.Pod, name string) (Session, error) {
	if name != "" {
		return namedShell(pod, name)
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
	if who := Who(ctx, o.Client); who != "" {
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
	o.Report.Say("pod/%s has %d shells (%s); attaching to %s, the newest%s; -c names another", pod.Name, len(names), strings.Join(names, ", "), chosen, mine)
	return shellSession(pod, chosen), nil
}

func namedShell(pod *corev1.Pod, name string) (Session, error) {
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
