// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Session is an open session with its wire: everything a command needs to look at the target. It
// satisfies remote.Runner.
type Session struct {
	Target  target.Target
	Session session.Session
	Opener  *session.Opener
	Wire    Wire
	// roots are the connections that are open, by the PID that was asked for; 0 is the container's first process.
	roots map[int]*remote.Root
}

const (
	// tetherAfter is how old a command is when a second stream begins to watch over its end: a quick one
	// costs one stream only.
	tetherAfter = time.Second
	// tetherEnd is how long the client waits for the remote side to end what was interrupted. A command that is not told keeps
	// running, and its helper with it, so a slow line gets its time.
	tetherEnd = 3 * time.Second
)

// Root connects to the root of a process, or gives the connection that there is. It ends with the session. The error is Dial's;
// the Root comes with it as far as the process is known.
func (r *Session) Root(ctx context.Context, pid int) (*remote.Root, error) {
	if root := r.roots[pid]; root != nil {
		return root, nil
	}
	root, err := remote.Dial(ctx, r, r.Where(pid))
	if err != nil {
		return root, err
	}
	if r.roots == nil {
		r.roots = map[int]*remote.Root{}
	}
	r.roots[pid] = root
	return root, nil
}

// Where says whose root is meant: that of process pid, or of the container's first.
func (r *Session) Where(pid int) remote.Where {
	return remote.Where{
		PID: pid, Container: r.Target.ContainerID(), Alone: !r.Session.View.Pod(), Siblings: true,
		Scope: string(r.Target.Pod.UID) + "/" + r.Target.Container,
	}
}

// HangUp ends the connections.
func (r *Session) HangUp() {
	for pid, root := range r.roots {
		_ = root.Close() // what it had to say it has said
		delete(r.roots, pid)
	}
}

// Run runs a program that ends by itself when the client does.
func (r *Session) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	guarded, stop := r.Opener.Guard(ctx, r.Session)
	defer stop()
	err := r.Wire.Run(guarded, session.NewCommand(argv).ArgvIn(r.Session.Tools), stdin, stdout, stderr)
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && guarded.Err() != nil:
		return refusal{context.Cause(guarded)}
	case errors.As(err, &status) && status.Status().Code < 500, errors.Is(err, context.DeadlineExceeded):
		return refusal{err}
	}
	return err
}

// A refusal is an error that asking again changes nothing about.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// Refused tells pkg/remote.
func (refusal) Refused() bool { return true }

// RunCommand runs the user's command without a terminal, and ends it when the client is interrupted or dies.
func (r *Session) RunCommand(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return r.tethered(ctx, argv, func(ctx context.Context, argv []string) error {
		return r.Wire.Run(ctx, argv, stdin, stdout, stderr)
	})
}

// Shell runs the user's command in a terminal, and ends it when the client is interrupted or dies.
func (r *Session) Shell(ctx context.Context, argv []string, t *attach.Terminal) error {
	return r.tethered(ctx, argv, func(ctx context.Context, argv []string) error {
		return r.Wire.Shell(ctx, argv, t)
	})
}

// tethered does not bother in a copy: its end ends everything in it.
func (r *Session) tethered(ctx context.Context, argv []string, do func(context.Context, []string) error) error {
	ctx, stop := r.Opener.Guard(ctx, r.Session)
	defer stop()
	command := session.NewCommand(argv)
	if r.Session.Copy {
		return do(ctx, command.ArgvIn(r.Session.Tools))
	}
	over, tethered := make(chan struct{}), make(chan struct{})
	crash.Go(ctx, func() {
		defer close(tethered)
		r.tether(ctx, command, over)
	})
	err := do(ctx, command.Argv())
	if _, exited := errors.AsType[*attach.ExitError](err); err == nil || exited {
		close(over)
	}
	// Where the stream failed, over stays open: the command may still run.
	stop()
	select {
	case <-tethered:
	case <-time.After(tetherEnd):
	}
	return err
}

// tether holds the second stream until over is closed (the command has ended) or ctx is done (what is
// left of it must be ended).
func (r *Session) tether(ctx context.Context, command session.Command, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	case <-time.After(tetherAfter):
	}
	stdin, hold := io.Pipe()
	// The stream outlives the command's context: it carries the news of its end.
	tail, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	crash.Go(ctx, func() {
		<-ctx.Done()
		select {
		case <-over:
			_, _ = io.WriteString(hold, session.WatchdogDone)
		default:
		}
		hold.Close()
		time.AfterFunc(tetherEnd, cancel)
	})
	// Its failure changes nothing for the user: the command's own stream says what there is to say.
	argv, text := command.Watchdog()
	_ = r.Wire.Run(tail, argv, io.MultiReader(strings.NewReader(text), stdin), io.Discard, io.Discard)
	stdin.Close()
}

// Close ends what only this session needed. Its error counts only where there is no other, and is told in any case.
func (r *Session) Close(ctx context.Context, err *error) {
	if r == nil {
		return
	}
	r.HangUp()
	switch closing := r.Opener.Close(ctx, r.Session); {
	case *err == nil:
		*err = closing
	case closing != nil:
		r.Opener.Say("%v; %s", closing, hint.Of(closing))
	}
	if r.Session.Copy || r.Session.Patched != nil {
		return
	}
	started := r.Session.Running
	switch {
	case ctx.Err() != nil && (started || r.Session.New):
		r.Opener.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, %s",
			r.Session.Pod, r.Session.Container, r.Opener.Ending())
	case r.Session.New && !started:
		r.Opener.Say("left in pod/%s: helper %s, which never ran; an ephemeral container can't be removed, its entry goes with the pod",
			r.Session.Pod, r.Session.Container)
	}
}

// NoProcess says whose processes were looked through.
func (r *Session) NoProcess(pid int) error {
	where := "container " + r.Session.View.Container + " of "
	if r.Session.View.Pod() {
		where = ""
	}
	return hint.With(fmt.Errorf("find process %d in %spod/%s: %w", pid, where, r.Session.Pod, remote.ErrNoProcess),
		"kubectl shareproc ps "+r.Session.Pod)
}
