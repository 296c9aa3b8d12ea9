// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Process is a process that a session sees, with the name of its container.
type Process struct {
	process.Process
	// Container is "" for the pod's own (pause) process.
	Container string `json:"container"`
}

// Processes lists the processes that the session sees: in the process namespace of one container, only those of that
// container and of helpers.
func (s *Session) Processes(ctx context.Context) ([]Process, error) {
	host, list, err := Connect(ctx, s)
	if host != nil {
		_ = host.Close() // what it had to say it has said
	}
	return list, err
}

// Connect makes a connection for questions about processes, and lists those that the session sees as Processes does. Whoever
// gets a connection closes it.
func Connect(ctx context.Context, s *Session) (*process.Host, []Process, error) {
	host := process.On(connect(ctx, s))
	found, err := host.Processes(ctx)
	if reopen(ctx, s, err) {
		_ = host.Close()
		host = process.On(connect(ctx, s))
		found, err = host.Processes(ctx)
	}
	if err != nil {
		_ = host.Close()
		return nil, nil, err
	}
	return host, named(ctx, s, found), nil
}

// ProcessesOn lists the processes again, on a connection that Connect has made.
func ProcessesOn(ctx context.Context, s *Session, host *process.Host) ([]Process, error) {
	found, err := host.Processes(ctx)
	if err != nil {
		return nil, err
	}
	return named(ctx, s, found), nil
}

// named says which container each process is of.
func named(ctx context.Context, s *Session, found []process.Process) []Process {
	refresh(ctx, s, found)
	list := make([]Process, len(found))
	for i, p := range found {
		list[i] = Process{Process: p, Container: containerOf(s, p)}
	}
	return list
}

// refresh reads the pod again if a process belongs to an unknown container: one was added or restarted since. It
// ignores the sandbox and, on the node, other pods.
func refresh(ctx context.Context, s *Session, found []process.Process) {
	pod := s.Target.Pod
	unknown := func(p process.Process) bool {
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

// idLength is the length of a container id, in hexadecimal digits.
const idLength = 64

// runtimeID reports whether the path of a control group contains a container id.
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

// containerOf returns the name of the container of a process. A helper started since the pod was read has no id there
// yet; its processes are known by the root that they share with the script.
func containerOf(s *Session, p process.Process) string {
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

// Where selects the root of process pid, or of the first process of the container for 0.
func (s *Session) Where(pid int) rootfs.Where {
	return rootfs.Where{
		PID: pid, Container: s.Target.ContainerID(), Alone: !s.View.Pod(), Siblings: true,
		Scope: string(s.Target.Pod.UID) + "/" + s.Target.Container,
	}
}

// Dial opens the root of a process, over a new connection or a pool's. If a reused helper cannot open it, the session switches to
// another one. After an error of rootfs.Dial, the Root describes the process as far as it is known.
func (s *Session) Dial(ctx context.Context, pid int) (*rootfs.Root, error) {
	root, err := dial(ctx, s, pid)
	if reopen(ctx, s, err) {
		root, err = dial(ctx, s, pid)
	}
	denied, ok := errors.AsType[*rootfs.AccessError](err)
	if !ok {
		return root, err
	}
	user, target := podspec.User{UID: int64(denied.UID), GID: int64(denied.GID)}, podspec.TargetUserOf(s.Target.Pod, s.Target.Container)
	// If the process has the user that the helper was made for, no other user will help: it is not dumpable.
	better, failed := s.SwitchHelper(ctx, target.Observed(user, denied.Undumpable || user == target.User && target.Known))
	switch {
	case failed != nil:
		return root, failed
	case !better:
		return root, err
	}
	return dial(ctx, s, pid)
}

// dial connects to a root, without another helper where this one's does not open.
func dial(ctx context.Context, s *Session, pid int) (*rootfs.Root, error) {
	if s.deps.Pool == nil {
		return rootfs.Dial(ctx, s.Runner(), s.Where(pid))
	}
	conn := connect(ctx, s)
	root, err := rootfs.RootOf(ctx, conn, s.Where(pid))
	if err != nil {
		_ = conn.Close() // what it had to say it has said
	}
	return root, err
}

// SwitchHelper moves the session to a helper with access to processes of target, after the kernel denied access to this
// one. It reports whether there is one.
func (s *Session) SwitchHelper(ctx context.Context, target podspec.TargetUser) (bool, error) {
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
	if plan, err := Choose(t, request, rbac.Permissions{}); err != nil || plan.Mode != Reuse {
		s.deps.Report.Say("helper %s cannot access it; trying another security context", s.Container)
	}
	better, err := Open(ctx, s.deps, t, request)
	if better != nil {
		*s = *better
	}
	return err == nil, err
}

// reopen moves the session to another helper, once, if the reused one exited just now.
func reopen(ctx context.Context, s *Session, err error) bool {
	ended, ok := errors.AsType[lifecycle.EndedError](err)
	if !ok || !ended.Own || s.New || s.Copy || s.Patched != nil || s.reopened || ctx.Err() != nil {
		return false
	}
	pod, err := s.deps.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	if err != nil {
		return false
	}
	t := s.Target
	t.Pod = pod
	s.deps.Report.Say("helper %s exited; starting another", s.Container)
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

// runner keeps its container, even if the session moves to another.
type runner struct{ session Session }

// Run runs a program that ends on its own if the client does.
func (r runner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	s := &r.session
	guarded, stop := guard(ctx, s)
	defer stop()
	err := s.exec.Run(guarded, launch.New(argv).ArgvIn(s.Tools), stdin, stdout, stderr)
	if ctx.Err() != nil {
		return err
	}
	return lifetimeOf(s).ExplainProgram(ctx, s.exec, err)
}

// NoProcess is the error for an unknown PID; it names the container that was searched.
func NoProcess(s *Session, pid int) error {
	where := "container " + s.View.Container + " in "
	if s.View.Pod() {
		where = ""
	}
	return hint.With(fmt.Errorf("find process %d in %spod/%s: %w", pid, where, s.Pod, remote.ErrNoProcess),
		"kubectl shareproc ps "+s.Pod)
}

// visibilityOf checks what a session can see of its target, with one command.
func visibilityOf(ctx context.Context, s *Session) (visibility, error) {
	all, err := s.Processes(ctx)
	if err != nil {
		return visibility{}, err
	}
	return visibilityIn(s, all), nil
}

// visibilityIn describes what is visible of the target container among all processes.
func visibilityIn(s *Session, all []Process) visibility {
	var own, denied []Process
	for _, p := range all {
		// A zombie has neither files nor memory.
		if p.Container == s.Target.Container && p.State != "Z" {
			own = append(own, p)
		}
	}
	found := visibility{TargetUser: podspec.TargetUserOf(s.Target.Pod, s.Target.Container)}
	// With a shared process namespace there are those of the target, the pod or the node.
	found.Isolated = !slices.ContainsFunc(all, func(p Process) bool { return !p.Helper })
	if len(own) == 0 {
		found.Text = "no process of container " + s.Target.Container + " is visible"
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
	if found.Denied {
		found.Text = "cannot read files of " + describeDenied(denied)
	} else if len(denied) > 0 {
		found.Text = "cannot read environment, maps and open files of " + describeDenied(denied)
	}
	return found
}

// maxNamed is the number of denied processes that a message names.
const maxNamed = 5

// describeDenied names processes whose files are denied, and the common reason.
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
	reason := fmt.Sprintf("running as %d:%d", denied[0].UID, denied[0].GID)
	if undumpable {
		reason = "changed user without exec"
	}
	return text + " (" + reason + ")"
}

// verifyShared checks that the container of a copy or patched pod sees more than itself. An image without the tools for
// that is left to the user.
func verifyShared(ctx context.Context, o Deps, t target.Target, s Session) error {
	if visible, err := look(ctx, o, t, s); err != nil || !visible.Isolated {
		return context.Cause(ctx)
	}
	return errIsolated(s, t.Pod)
}

// errIsolated is the error for a container that sees only its own processes, as with runtimes that give each container
// a kernel or sandbox.
func errIsolated(s Session, pod *corev1.Pod) error {
	runtime := "the node's container runtime"
	if class := pod.Spec.RuntimeClassName; class != nil {
		runtime += " (runtime class " + *class + ")"
	}
	return hint.With(fmt.Errorf("use container %s in pod/%s: it is running but sees only its own processes: %s isolates the containers of a pod",
		s.Container, s.Pod, runtime),
		fmt.Sprintf("run kubectl shareproc debug %s --copy --hold, which opens the shell in the container itself", pod.Name))
}
