// SPDX-License-Identifier: Apache-2.0

package plugin

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

// room is an open session with its wire: everything a command needs to look at the target. It
// satisfies remote.Runner.
type room struct {
	target  target.Target
	session session.Session
	opener  *session.Opener
	wire    Wire
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

// root connects to the root of a process, or gives the connection that there is. It ends with the room. The error is Dial's;
// the Root comes with it as far as the process is known.
func (r *room) root(ctx context.Context, pid int) (*remote.Root, error) {
	if root := r.roots[pid]; root != nil {
		return root, nil
	}
	root, err := remote.Dial(ctx, r, r.where(pid))
	if err != nil {
		return root, err
	}
	if r.roots == nil {
		r.roots = map[int]*remote.Root{}
	}
	r.roots[pid] = root
	return root, nil
}

// where says whose root is meant: that of process pid, or of the container's first.
func (r *room) where(pid int) remote.Where {
	return remote.Where{PID: pid, Container: r.target.ContainerID(), Alone: !r.session.View.Pod(), Siblings: true}
}

// hangUp ends the connections.
func (r *room) hangUp() {
	for pid, root := range r.roots {
		_ = root.Close() // what it had to say it has said
		delete(r.roots, pid)
	}
}

// Run runs a program that ends by itself when the client does.
func (r *room) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	guarded, stop := r.opener.Guard(ctx, r.session)
	defer stop()
	err := r.wire.Run(guarded, session.NewCommand(argv).ArgvIn(r.session.Tools), stdin, stdout, stderr)
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

// run runs the user's command without a terminal, and ends it when the client is interrupted or dies.
func (r *room) run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return r.tethered(ctx, argv, func(ctx context.Context, argv []string) error {
		return r.wire.Run(ctx, argv, stdin, stdout, stderr)
	})
}

// shell runs the user's command in a terminal, and ends it when the client is interrupted or dies.
func (r *room) shell(ctx context.Context, argv []string, t *attach.Terminal) error {
	return r.tethered(ctx, argv, func(ctx context.Context, argv []string) error {
		return r.wire.Shell(ctx, argv, t)
	})
}

// tethered does not bother in a copy: its end ends everything in it.
func (r *room) tethered(ctx context.Context, argv []string, do func(context.Context, []string) error) error {
	ctx, stop := r.opener.Guard(ctx, r.session)
	defer stop()
	command := session.NewCommand(argv)
	if r.session.Copy {
		return do(ctx, command.ArgvIn(r.session.Tools))
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
func (r *room) tether(ctx context.Context, command session.Command, over <-chan struct{}) {
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
	_ = r.wire.Run(tail, argv, io.MultiReader(strings.NewReader(text), stdin), io.Discard, io.Discard)
	stdin.Close()
}

// close ends what only this room needed. Its error counts only where there is no other, and is told in any case.
func (r *room) close(ctx context.Context, err *error) {
	if r == nil {
		return
	}
	r.hangUp()
	switch closing := r.opener.Close(ctx, r.session); {
	case *err == nil:
		*err = closing
	case closing != nil:
		r.opener.Say("%v; %s", closing, hint.Of(closing))
	}
	if r.session.Copy || r.session.Patched != nil {
		return
	}
	started := r.session.Running
	switch {
	case ctx.Err() != nil && (started || r.session.New):
		r.opener.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, %s",
			r.session.Pod, r.session.Container, r.opener.Ending())
	case r.session.New && !started:
		r.opener.Say("left in pod/%s: helper %s, which never ran; an ephemeral container can't be removed, its entry goes with the pod",
			r.session.Pod, r.session.Container)
	}
}

// noProcess says whose processes were looked through.
func (r *room) noProcess(pid int) error {
	where := "container " + r.session.View.Container + " of "
	if r.session.View.Pod() {
		where = ""
	}
	return hint.With(fmt.Errorf("find process %d in %spod/%s: %w", pid, where, r.session.Pod, remote.ErrNoProcess),
		"kubectl shareproc ps "+r.session.Pod)
}
