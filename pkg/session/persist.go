// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// openPersistent adds a helper that runs a shell. No command can check what it sees, so there is no second try; and an
// existing one is not reused, since two users would type into one shell.
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

// exitOf describes when the helper of a plan exits.
func (o helperOpener) exitOf(plan Plan) string {
	if plan.Mode == Persist {
		return "exits " + cluster.FormatDuration(o.Keep) + " after the last key"
	}
	return "exits if idle " + cluster.FormatDuration(o.Keep)
}

// AttachCommand is the command that reattaches to a persistent shell.
func (s *Session) AttachCommand() string {
	return fmt.Sprintf("kubectl shareproc attach -n %s %s -c %s", s.Namespace, s.Pod, s.Container)
}

// ShellExit describes when a detached shell exits.
func (s Session) ShellExit() string {
	return "exits " + cluster.FormatDuration(s.Keep) + " after the last key, unless a command is running in it"
}

// Shells lists the running persistent shells of a pod, newest first.
func Shells(pod *corev1.Pod) []string {
	var names []string
	for _, c := range newestFirst(pod) {
		if podspec.IsPersistent(&c) && podspec.Running(pod, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// FindShell returns a session to attach to.
func FindShell(ctx context.Context, d Deps, t target.Target, name string) (*Session, error) {
	s, err := findShell(ctx, d, t.Pod, name)
	if err != nil {
		return nil, err
	}
	d.warnForeign(t.Pod, s.Container)
	d.warnLogged("of container " + s.Container)
	t.Container = s.View.Container
	return d.opened(ctx, &s, t, Request{Persist: true}, nil)
}

// findShell selects the helper with that name, else the newest of the user, else the newest.
func findShell(ctx context.Context, o Deps, pod *corev1.Pod, name string) (Session, error) {
	if name != "" {
		return namedShell(pod, name)
	}
	names := Shells(pod)
	if len(names) == 0 {
		return Session{}, hint.With(fmt.Errorf("attach to pod/%s: no persistent shell is running%s", pod.Name, lastShell(pod)),
			fmt.Sprintf("run kubectl shareproc debug -n %s %s --persist to start one", pod.Namespace, pod.Name))
	}
	if len(names) == 1 {
		return shellSession(pod, names[0]), nil
	}
	chosen, whose := names[0], "the"
	if who := rbac.Who(ctx, o.Client); who != "" {
		for _, c := range newestFirst(pod) {
			if podspec.IsPersistent(&c) && podspec.Running(pod, c.Name) && podspec.MadeBy(&c) == who {
				chosen, whose = c.Name, "your"
				break
			}
		}
	}
	if ctx.Err() != nil {
		return Session{}, context.Cause(ctx)
	}
	o.Report.Say("pod/%s has %d shells (%s); attaching to %s, %s newest; use -c to choose another", pod.Name, len(names), strings.Join(names, ", "), chosen, whose)
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
			return Session{}, hint.With(fmt.Errorf("attach to container %s in pod/%s: its shell exited with code %d", name, pod.Name, st.State.Terminated.ExitCode),
				fmt.Sprintf("run kubectl shareproc debug -n %s %s --persist to start another", pod.Namespace, pod.Name))
		default:
			return Session{}, hint.With(fmt.Errorf("attach to container %s in pod/%s: it has not started", name, pod.Name), "run it again once the container is running")
		}
	}
	try := fmt.Sprintf("run kubectl shareproc debug -n %s %s --persist to start one", pod.Namespace, pod.Name)
	if names := Shells(pod); len(names) > 0 {
		try = "use one of: " + strings.Join(names, ", ")
	}
	return Session{}, hint.With(fmt.Errorf("attach to container %s in pod/%s: it has no persistent shell", name, pod.Name), try)
}

// lastShell describes how the last persistent shell of a pod ended.
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
	return fmt.Sprintf("; %s exited with code %d", name, last.ExitCode)
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
