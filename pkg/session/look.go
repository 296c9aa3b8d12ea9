// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Process is a process that a session sees, with what only the cluster knows.
type Process struct {
	remote.Process
	// Container is the name of the process's container, "" for the pod's own (pause) process.
	Container string `json:"container"`
}

// Processes lists the processes that the session sees. A helper that joined the process namespace of one container sees
// that container's processes and helpers' only.
func (s *Session) Processes(ctx context.Context) ([]Process, error) {
	found, err := remote.Processes(ctx, s.Runner())
	if reopen(ctx, s, err) {
		found, err = remote.Processes(ctx, s.Runner())
	}
	if err != nil {
		return nil, err
	}
	refresh(ctx, s, found)
	list := make([]Process, len(found))
	for i, p := range found {
		list[i] = Process{Process: p, Container: containerOf(s, p)}
	}
	return list, nil
}

// refresh reads the pod again where a process is of a container that it did not have: somebody added one since, or one has
// restarted. Processes of the node's other pods, and of the pod's sandbox, are none of it.
func refresh(ctx context.Context, s *Session, found []remote.Process) {
	pod := s.Target.Pod
	unknown := func(p remote.Process) bool {
		return !p.Helper && (p.PID != 1 || !s.View.Pod()) && runtimeID(p.Cgroup) && s.Target.ContainerOf(p.Cgroup) == ""
	}
	if s.Copy || pod.Spec.HostPID || !slices.ContainsFunc(found, unknown) {
		return
	}
	now, err := s.deps.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	if err == nil && now.UID == pod.UID {
		s.Target.Pod = now
	}
}

// idLength is that of the ids that container runtimes give, in hexadecimal digits.
const idLength = 64

// runtimeID tells whether a control group's path has the id of a container in it.
func runtimeID(cgroup string) bool {
	n := 0
	for _, r := range cgroup {
		if !strings.ContainsRune("0123456789abcdef", r) {
			n = 0
		} else if n++; n == idLength {
			return true
		}
	}
	return false
}

// containerOf names a process's container. A helper that was started since the pod was read has no id there yet, so its
// processes are known by the root they share with the script that asks. What has an id that is none of the pod's is not the
// target's.
func containerOf(s *Session, p remote.Process) string {
	if name := s.Target.ContainerOf(p.Cgroup); name != "" {
		return name
	}
	switch {
	case p.Helper:
		return s.Container
	case !s.View.Pod() && (!runtimeID(p.Cgroup) || s.Target.ContainerID() == ""):
		return s.View.Container
	default:
		return ""
	}
}

// Where says whose root is meant: that of process pid, or of the container's first for 0.
func (s *Session) Where(pid int) remote.Where {
	return remote.Where{
		PID: pid, Container: s.Target.ContainerID(), Alone: !s.View.Pod(), Siblings: true,
		Scope: string(s.Target.Pod.UID) + "/" + s.Target.Container,
	}
}

// Dial makes a connection of its own to the root of a process. Where a helper that ran already does not open it, the
// session goes on in a better one. The error is remote.Dial's; the Root comes with it as far as the process is known.
func (s *Session) Dial(ctx context.Context, pid int) (*remote.Root, error) {
	root, err := remote.Dial(ctx, s.Runner(), s.Where(pid))
	if reopen(ctx, s, err) {
		root, err = remote.Dial(ctx, s.Runner(), s.Where(pid))
	}
	denied, ok := errors.AsType[*remote.AccessError](err)
	if !ok {
		return root, err
	}
	user, target := podspec.User{UID: int64(denied.UID), GID: int64(denied.GID)}, podspec.TargetUserOf(s.Target.Pod, s.Target.Container)
	// Who is as the helper was made for, and denies it all the same, is not to be had by ids.
	better, failed := s.Reach(ctx, target.Observed(user, denied.Undumpable || user == target.User && target.Known))
	switch {
	case failed != nil:
		return root, failed
	case !better:
		return root, err
	}
	return remote.Dial(ctx, s.Runner(), s.Where(pid))
}

// Reach goes on in another helper, where there is one to be had, since the kernel said that this one may not do
// what is wanted to a process of target. It tells whether there is one.
func (s *Session) Reach(ctx context.Context, target podspec.TargetUser) (bool, error) {
	if s.Copy || s.Patched != nil || s.request.ExcludeHelper != "" || s.New && !s.request.AnyProcess || !s.request.Override.Empty() {
		return false, nil
	}
	pod, err := s.deps.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("get pod/%s: %w", s.Pod, err)
	}
	t, request := s.Target, s.request
	t.Pod = pod
	request.ExcludeHelper, request.TargetUser = s.Container, &target
	if plan, err := Choose(t, request, Permissions{}); err != nil || plan.Mode != Reuse {
		s.deps.Report.Say("helper %s does not reach it; looking for a better one", s.Container)
	}
	better, err := Open(ctx, s.deps, t, request)
	if better != nil {
		*s = *better
	}
	return err == nil, err
}

// reopen goes on in another helper, once, where the one that ran already has ended by itself in this second.
func reopen(ctx context.Context, s *Session, err error) bool {
	ended, ok := errors.AsType[endedError](err)
	if !ok || !ended.own || s.New || s.Copy || s.Patched != nil || s.reopened || ctx.Err() != nil {
		return false
	}
	pod, err := s.deps.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	if err != nil {
		return false
	}
	t := s.Target
	t.Pod = pod
	s.deps.Report.Say("helper %s has ended; once more", s.Container)
	again, err := Open(ctx, s.deps, t, s.request)
	if err != nil {
		s.deps.Report.Say("%v", err)
		return false
	}
	*s = *again
	s.reopened = true
	return true
}

// Runner runs the programs of pkg/remote in the session's container.
func (s *Session) Runner() remote.Runner { return runner{session: *s} }

// runner keeps a container, though its session may go on in another.
type runner struct{ session Session }

// Run runs a program that ends by itself when the client does.
func (r runner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	s := &r.session
	guarded, stop := lifetime{s}.guard(ctx)
	defer stop()
	err := s.exec.Run(guarded, NewCommand(argv).ArgvIn(s.Tools), stdin, stdout, stderr)
	if ctx.Err() != nil {
		return err
	}
	err = lifetime{s}.explain(ctx, err)
	var status apierrors.APIStatus
	if _, ended := errors.AsType[endedError](err); ended || errors.As(err, &status) && status.Status().Code < 500 || errors.Is(err, context.DeadlineExceeded) {
		return final{err}
	}
	return err
}

// final is an error that another connection changes nothing about.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Refused tells pkg/remote.
func (final) Refused() bool { return true }

// NoProcess is the error where there is no process pid; it says whose processes were looked through.
func NoProcess(s *Session, pid int) error {
	where := "container " + s.View.Container + " of "
	if s.View.Pod() {
		where = ""
	}
	return hint.With(fmt.Errorf("find process %d in %spod/%s: %w", pid, where, s.Pod, remote.ErrNoProcess),
		"kubectl shareproc ps "+s.Pod)
}

// sightOf tells what a session sees of its target, with one command.
func sightOf(ctx context.Context, s *Session) (Sight, error) {
	all, err := s.Processes(ctx)
	if err != nil {
		return Sight{}, err
	}
	return sightIn(s, all), nil
}

// sightIn puts into words what is seen of the target container among all processes.
func sightIn(s *Session, all []Process) Sight {
	var own, denied []Process
	for _, p := range all {
		// A zombie has neither files nor memory, for anybody.
		if p.Container == s.Target.Container && p.State != "Z" {
			own = append(own, p)
		}
	}
	found := Sight{TargetUser: podspec.TargetUserOf(s.Target.Pod, s.Target.Container)}
	// Where processes are shared there are the target's, or the first one of the pod or the node.
	found.Alone = !slices.ContainsFunc(all, func(p Process) bool { return !p.Helper })
	if len(own) == 0 {
		found.Text = "it sees no process of container " + s.Target.Container
		return found
	}
	first, undumpable := own[0], true
	for _, p := range own {
		undumpable = undumpable && p.Undumpable
		if p.StartTicks < first.StartTicks {
			first = p
		}
		if !p.RootReadable {
			denied = append(denied, p)
		}
	}
	found.Denied = len(denied) == len(own)
	found.TargetUser = found.TargetUser.Observed(podspec.User{UID: int64(first.EUID), GID: int64(first.EGID)}, undumpable)
	switch {
	case len(denied) == 0:
		found.Text = "it sees processes and files"
	case !found.Denied:
		found.Text = "it sees processes and files; environment, memory maps and open files of " + describeDenied(denied) + ", not"
	default:
		found.Text = "it sees processes; files not: " + describeDenied(denied)
	}
	return found
}

// maxNamed is how many of the processes that are denied are named.
const maxNamed = 5

// describeDenied names processes that are denied, and the reason that they have in common.
func describeDenied(denied []Process) string {
	pids, undumpable := make([]string, 0, maxNamed), true
	for i, p := range denied {
		if i < maxNamed {
			pids = append(pids, fmt.Sprint(p.PID))
		}
		undumpable = undumpable && p.Undumpable
	}
	name := "PID "
	if len(denied) > 1 {
		name = "PIDs "
	}
	text := name + strings.Join(pids, ", ")
	if more := len(denied) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	reason := fmt.Sprintf("of user %d:%d", denied[0].UID, denied[0].GID)
	if undumpable {
		reason = "changed user without exec"
	}
	return text + " (" + reason + ")"
}
