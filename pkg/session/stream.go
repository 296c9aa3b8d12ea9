// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
)

// Streams are the streams of a command without a terminal. Stdin may be nil.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run runs the user's command, and kills it if ctx ends or the client dies. The error is an *attach.ExitError for an
// exit code of the command, or else says what ended the stream.
func (s *Session) Run(ctx context.Context, argv []string, streams Streams) error {
	return watched(ctx, s, argv, streams.Stdin == nil, func(ctx context.Context, argv []string) error {
		return s.exec.Run(ctx, argv, streams.Stdin, streams.Stdout, streams.Stderr)
	})
}

// Shell is Run in a terminal.
func (s *Session) Shell(ctx context.Context, argv []string, t *attach.Terminal) error {
	return watched(ctx, s, argv, true, func(ctx context.Context, argv []string) error { return s.exec.Shell(ctx, argv, t) })
}

// watched runs a command with a watchdog, which a copy does not need: deleting the pod ends everything. If again is
// set, it retries a command that never began; not with a stdin, which may be partly consumed.
func watched(ctx context.Context, s *Session, argv []string, again bool, do func(context.Context, []string) error) error {
	guarded, stop := guard(ctx, s)
	defer stop()
	command := launch.New(argv)
	if s.Copy {
		return lifetimeOf(s).Explain(ctx, do(guarded, command.ArgvIn(s.Tools)))
	}
	over, done, exec := make(chan struct{}), make(chan struct{}), s.exec
	crash.Go(ctx, func() {
		defer close(done)
		command.Watch(guarded, exec, over)
	})
	err := do(guarded, command.Argv())
	if _, exited := errors.AsType[*attach.ExitError](err); err == nil || exited {
		close(over)
	}
	// If the stream failed, over stays open: the command may still run.
	stop()
	select {
	case <-done:
	case <-time.After(launch.WatchdogEnd):
	}
	if err == nil {
		return nil
	}
	ended := lifetimeOf(s).Explain(ctx, err)
	if again && lifecycle.NeverBegan(err) && reopen(ctx, s, ended) {
		return watched(ctx, s, argv, false, do)
	}
	return ended
}

// Attach connects the terminal to a persistent shell, and reports how to reattach or how the shell ended.
func (s *Session) Attach(ctx context.Context, t *attach.Terminal, keys attach.Keys) error {
	guarded, stop := guard(ctx, s)
	err := s.exec.Attach(guarded, t, keys)
	stop()
	switch {
	case errors.Is(err, attach.ErrDetached):
		s.deps.Report.Warn("detached: container %s in pod/%s keeps running; it %s", s.Container, s.Pod, s.ShellExit())
		s.deps.Report.Warn("to reattach: %s", s.AttachCommand())
		return nil
	case ctx.Err() != nil:
		s.deps.Report.Warn("left container %s running in pod/%s; it %s", s.Container, s.Pod, s.ShellExit())
		s.deps.Report.Warn("to reattach: %s", s.AttachCommand())
		return err
	case apierrors.IsForbidden(err):
		return rbac.Advise(err, s.Namespace, rbac.Rule("create", "pods/attach"))
	}
	return lifetimeOf(s).ExplainAttach(ctx, err)
}

// lifetimeOf is what the end of the session's streams is known by. The session itself may go on in another helper.
func lifetimeOf(s *Session) lifecycle.Lifetime {
	helper := !s.Copy && s.Patched == nil
	return lifecycle.Lifetime{
		Container: at(s), Client: s.deps.Client, Target: s.Target, TargetID: s.targetID, PodUID: s.podUID,
		Helper: helper, Joined: helper && !s.View.Pod(), Lost: lostAdvice(s), Times: s.times,
	}
}

// guard returns a context that ends with the session's container, and keeps the session's patch from expiring until then.
func guard(ctx context.Context, s *Session) (context.Context, context.CancelFunc) {
	ctx, stop := lifetimeOf(s).Guard(ctx)
	if s.Patched != nil {
		sent, c := *s.Patched, s.deps.Cluster
		crash.Go(ctx, func() { sent.Hold(ctx, c) })
	}
	return ctx, stop
}

// lostAdvice is how to continue after the connection was lost.
func lostAdvice(s *Session) string {
	switch {
	case s.Copy, s.Patched != nil:
		return "once the network is back, run kubectl shareproc sessions -n " + s.Namespace + " to see what is left"
	case s.Keep > 0:
		return "once the network is back, run " + s.AttachCommand() + ": the shell keeps running, and " + s.ShellExit()
	default:
		return fmt.Sprintf("once the network is back, run kubectl shareproc debug -n %s %s: helper %s is still there, but not what ran in it; --persist keeps a shell",
			s.Namespace, s.Pod, s.Container)
	}
}
