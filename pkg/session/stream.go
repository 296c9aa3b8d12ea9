// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// Exec makes streams into one container; an attach.Exec is one.
type Exec interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
	Shell(ctx context.Context, argv []string, t *attach.Terminal) error
	Attach(ctx context.Context, t *attach.Terminal, detach attach.Keys) error
}

// Streams are those of a command without a terminal. A nil Stdin is none.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

const (
	// watchdogAfter is how old a command is when a second stream begins to watch over its end: a quick one costs one
	// stream only.
	watchdogAfter = time.Second
	// watchdogEnd is how long the client waits for the remote side to end what was interrupted. A command that is not told
	// keeps running, and its helper with it, so a slow line gets its time.
	watchdogEnd = 3 * time.Second
)

// neverBegan tells an exec that the API server or the kubelet refused, as of a container that has ended.
func neverBegan(err error) bool {
	var status apierrors.APIStatus
	_, exited := errors.AsType[*attach.ExitError](err)
	_, refused := errors.AsType[*attach.ConnectError](err)
	return !exited && (refused || errors.As(err, &status))
}

// Run runs the user's command, and ends it when ctx does or the client dies. The error is an *attach.ExitError where the
// command says so itself, else what ended the stream.
func (s *Session) Run(ctx context.Context, argv []string, streams Streams) error {
	return watched(ctx, s, argv, streams.Stdin == nil, func(ctx context.Context, argv []string) error {
		return s.exec.Run(ctx, argv, streams.Stdin, streams.Stdout, streams.Stderr)
	})
}

// Shell is Run in a terminal.
func (s *Session) Shell(ctx context.Context, argv []string, t *attach.Terminal) error {
	return watched(ctx, s, argv, true, func(ctx context.Context, argv []string) error { return s.exec.Shell(ctx, argv, t) })
}

// watched runs a command beside a watchdog. A copy needs none: its end ends everything in it. Again allows for a second try
// where the command never began; of a stdin nobody knows what is left then.
func watched(ctx context.Context, s *Session, argv []string, again bool, do func(context.Context, []string) error) error {
	guarded, stop := lifetime{s}.guard(ctx)
	defer stop()
	command := NewCommand(argv)
	if s.Copy {
		return lifetime{s}.explain(ctx, do(guarded, command.ArgvIn(s.Tools)))
	}
	over, done, exec := make(chan struct{}), make(chan struct{}), s.exec
	crash.Go(ctx, func() {
		defer close(done)
		command.watch(guarded, exec, over)
	})
	err := do(guarded, command.Argv())
	if _, exited := errors.AsType[*attach.ExitError](err); err == nil || exited {
		close(over)
	}
	// Where the stream failed, over stays open: the command may still run.
	stop()
	select {
	case <-done:
	case <-time.After(watchdogEnd):
	}
	if err == nil {
		return nil
	}
	ended := lifetime{s}.explain(ctx, err)
	if again && neverBegan(err) && reopen(ctx, s, ended) {
		return watched(ctx, s, argv, false, do)
	}
	return ended
}

// watch holds the watchdog's stream until over is closed (the command has ended) or ctx is done (what is left of it must
// be ended).
func (c Command) watch(ctx context.Context, exec Exec, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	case <-time.After(watchdogAfter):
	}
	stdin, hold := io.Pipe()
	// The stream outlives the command's context: it carries the news of its end.
	tail, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	crash.Go(ctx, func() {
		<-ctx.Done()
		select {
		case <-over:
			_, _ = io.WriteString(hold, WatchdogDone)
		default:
		}
		hold.Close()
		time.AfterFunc(watchdogEnd, cancel)
	})
	// Its failure changes nothing for the user: the command's own stream says what there is to say.
	argv, text := c.Watchdog()
	_ = exec.Run(tail, argv, io.MultiReader(strings.NewReader(text), stdin), io.Discard, io.Discard)
	stdin.Close()
}

// Attach joins the terminal to a shell that a helper keeps, and says on every way out of it how to come back, or how it
// ended.
func (s *Session) Attach(ctx context.Context, t *attach.Terminal, keys attach.Keys) error {
	guarded, stop := lifetime{s}.guard(ctx)
	err := s.exec.Attach(guarded, t, keys)
	stop()
	switch {
	case errors.Is(err, attach.ErrDetached):
		s.deps.Report.Warn("detached: container %s of pod/%s runs on; it %s", s.Container, s.Pod, s.ShellEnding())
		s.deps.Report.Warn("to come back: %s", s.AttachCommand())
		return nil
	case ctx.Err() != nil:
		s.deps.Report.Warn("left in pod/%s: container %s; it %s", s.Pod, s.Container, s.ShellEnding())
		s.deps.Report.Warn("to come back: %s", s.AttachCommand())
		return err
	case apierrors.IsForbidden(err):
		return lacking(err, s.Namespace, Rule("create", "pods/attach"))
	}
	return lifetime{s}.explainAttach(ctx, err)
}
