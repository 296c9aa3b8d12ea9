// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A Look is a session in a pod, with a connection to its helper and the processes that were there when it began.
type Look struct {
	*session.Session
	Host *process.Host
	// All are the processes that the helper sees, its own too; Processes those that are asked about.
	All, Processes []session.Process
}

// With calls do with a look into the pod that was named.
func With(ctx context.Context, deps *cli.Deps, a *Args, access podspec.Access, do func(context.Context, *Look) error) (err error) {
	d, err := cli.SessionDeps(deps, &a.HelperFlags, 0)
	if err != nil {
		return err
	}
	t, err := cli.Resolve(ctx, deps, d, a.ref())
	if err != nil {
		return err
	}
	l, err := Open(ctx, deps, a, t, access)
	if err != nil {
		return err
	}
	defer l.Close(ctx, &err)
	return do(ctx, l)
}

// Open opens a session and looks at its processes. Where none of those asked about lets the helper open its files although
// that is needed, the session goes on in a helper that may, if the cluster admits one.
func Open(ctx context.Context, deps *cli.Deps, a *Args, t target.Target, access podspec.Access) (*Look, error) {
	s, err := cli.OpenTarget(ctx, deps, t, &a.HelperFlags, session.Request{Access: access, AnyProcess: a.PID != 0}, 0)
	if err != nil {
		return nil, err
	}
	l := &Look{Session: s}
	if err = l.find(ctx, a); err == nil && access != podspec.SeeProcesses {
		err = l.improve(ctx, a)
	}
	if err != nil {
		l.Close(ctx, &err)
		return nil, err
	}
	return l, nil
}

// find makes the connection, and lists the processes.
func (l *Look) find(ctx context.Context, a *Args) (err error) {
	if l.Host, l.All, err = session.Connect(ctx, l.Session); err != nil {
		return err
	}
	return l.pick(a)
}

// Again lists the processes as they are now.
func (l *Look) Again(ctx context.Context, a *Args) (err error) {
	if l.All, err = session.ProcessesOn(ctx, l.Session, l.Host); err != nil {
		return err
	}
	return l.pick(a)
}

// pick picks those that are asked about.
func (l *Look) pick(a *Args) error {
	if a.PID != 0 {
		l.Processes = slices.DeleteFunc(slices.Clone(l.All), func(p session.Process) bool { return p.PID != a.PID })
		if len(l.Processes) == 0 {
			return session.NoProcess(l.Session, a.PID)
		}
		return nil
	}
	l.Processes = slices.DeleteFunc(slices.Clone(l.All), func(p session.Process) bool { return p.Container != l.Target.Container })
	if len(l.Processes) == 0 {
		l.Processes = slices.DeleteFunc(slices.Clone(l.All), func(p session.Process) bool { return l.Ours(p) || l.Target.Pod.Spec.HostPID })
	}
	return nil
}

// Ours reports whether a process belongs to a helper.
func (l *Look) Ours(p session.Process) bool {
	return p.Helper || strings.HasPrefix(p.Container, podspec.NamePrefix)
}

// improve looks for a better helper where the kernel denies this one the files of every process that is asked about.
func (l *Look) improve(ctx context.Context, a *Args) error {
	alive := slices.DeleteFunc(slices.Clone(l.Processes), func(p session.Process) bool { return p.State == "Z" || p.State == "X" })
	if len(alive) == 0 || slices.ContainsFunc(alive, func(p session.Process) bool { return p.RootReadable }) {
		return nil
	}
	p := alive[0]
	user := podspec.User{UID: int64(p.EUID), GID: int64(p.EGID)}
	better, err := l.SwitchHelper(ctx, podspec.TargetUserOf(l.Target.Pod, l.Target.Container).Observed(user, p.Undumpable))
	if err != nil || !better {
		return err
	}
	_ = l.Host.Close() // the helper's that is not used any more
	return l.find(ctx, a)
}

// PIDs are those of the processes that are asked about.
func (l *Look) PIDs() []int {
	pids := make([]int, len(l.Processes))
	for i, p := range l.Processes {
		pids[i] = p.PID
	}
	return pids
}

// First is the process of the container that started first and has not ended. It is the zero Process where there is none.
func (l *Look) First() session.Process {
	var first session.Process
	for _, p := range l.Processes {
		if p.State != "Z" && p.State != "X" && (first.PID == 0 || p.StartTicks < first.StartTicks) {
			first = p
		}
	}
	return first
}

// Close ends the connection and the session.
func (l *Look) Close(ctx context.Context, err *error) {
	if l.Host != nil {
		_ = l.Host.Close() // what it had to say it has said
	}
	l.CloseInto(ctx, err)
}
