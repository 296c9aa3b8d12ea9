// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

const quit = process.Signal(3)

// dumpThreads sends QUIT to a JVM and prints what it writes into the container's log. Whether the log may be read is known
// before anything is sent.
func dumpThreads(ctx context.Context, deps *cli.Deps, l *inspect.Look, opts *options, out io.Writer) error {
	p := asked(l, opts)
	if p.PID == 0 {
		return fmt.Errorf("dump threads of container %s in pod/%s: no process of it runs", l.Target.Container, l.Pod)
	}
	about := fmt.Sprintf("dump threads of process %d (%s) in pod/%s", p.PID, remote.Escape(p.Name), l.Pod)
	readings, err := l.Host.Inspect(ctx, []int{p.PID}, process.Text("maps"), process.Descriptors)
	if err != nil {
		return err
	}
	if err := checkJVM(about, p, readings.Of(p.PID, "maps")); err != nil {
		return err
	}
	client, err := deps.Client()
	if err != nil {
		return err
	}
	container := p.Container
	if container == "" {
		container = l.Target.Container
	}
	log := containerLog{client: client, namespace: l.Namespace, pod: l.Pod, container: container}
	since, err := log.last(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", about, err)
	}
	if err := send(ctx, l.Session, p); err != nil {
		return fmt.Errorf("%s: %w", about, err)
	}
	deps.Report.Say("sent QUIT to process %d (%s); waiting for its threads in the log of container %s", p.PID, p.Name, container)
	whole, err := log.follow(ctx, since, out)
	if errors.Is(err, errNoDump) {
		return hint.With(fmt.Errorf("%s: %w", about, err), whereElse(l.Pod, p, readings))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", about, err)
	}
	if !whole {
		deps.Report.Warn("note: the log went quiet before the end of the dump")
	}
	return nil
}

// checkJVM refuses what QUIT would end: what is no JVM, and one that does not handle it (-Xrs, or just begun).
func checkJVM(about string, p session.Process, maps process.Reading) error {
	switch {
	case maps.Gone:
		return fmt.Errorf("%s: %w", about, remote.ErrNoProcess)
	case maps.Denied || maps.Text == "":
		return hint.With(fmt.Errorf("%s: its memory map is denied, so whether it is a Java virtual machine is not known; nothing was sent", about),
			"use --run-as with its user, or --profile general if policy admits root with SYS_PTRACE")
	case !proc.IsJVM(maps.Text):
		return hint.With(fmt.Errorf("%s: it is no Java virtual machine (no libjvm.so in its memory), and QUIT may end it; nothing was sent", about),
			"run kubectl shareproc threads, or dump goroutines for a Go program")
	case !p.Catches(int(quit)):
		return hint.With(fmt.Errorf("%s: it does not handle QUIT, which would end it; nothing was sent", about),
			"wait until it has begun; a Java virtual machine that runs with -Xrs prints no threads")
	}
	return nil
}

// send sends QUIT, from a better helper where this one may not.
func send(ctx context.Context, s *session.Session, p session.Process) error {
	err := process.Kill(ctx, s.Runner(), p.Process, quit)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	user := podspec.User{UID: int64(p.UID), GID: int64(p.GID)}
	better, failed := s.SwitchHelper(ctx, podspec.TargetUserOf(s.Target.Pod, s.Target.Container).Observed(user, false))
	switch {
	case failed != nil:
		return failed
	case better:
		return process.Kill(ctx, s.Runner(), p.Process, quit)
	}
	return err
}

// whereElse says where the dump is if it is not in the log: where the process's standard output leads.
func whereElse(pod string, p session.Process, readings process.Readings) string {
	list, _ := readings.Descriptors(p.PID)
	for _, d := range list {
		if d.FD == 1 && strings.HasPrefix(d.Link, "/") && cli.Pastable(d.Link) && !strings.HasPrefix(d.Link, "/dev/") {
			return fmt.Sprintf("kubectl shareproc fs tail %s %d %s", pod, p.PID, d.Link)
		}
	}
	return fmt.Sprintf("kubectl logs %s --tail 500", pod)
}
