// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// leashScript needs sh, grep, kill, sleep and tr in the container.
//
//go:embed leash.sh
var leashScript string

// sessionVariable marks the processes of one session, whatever they become: children inherit it.
const sessionVariable = "SHAREPROC_SESSION"

// farewell is how long a normal end may take to be told to the leash.
const farewell = time.Second

// Leashed gives an Exec whose commands do not outlive the client: a second exec beside each of them (some 50 ms more at
// its start) sees its stdin close when the client is killed or cut off, or gives up, and then ends the command and all that
// was started by it, within two seconds. When the command ends by itself, what it left in the background goes on. The
// container needs a busybox: sh, env, grep, kill, sleep, tr. When the second exec fails, so does the first.
//
// Nothing else tells. Measured with Kubernetes 1.37.2 and containerd 2.2: over WebSocket the client's death closes the
// stdin of a command without a terminal, and does nothing at all to one with a terminal or without stdin; over SPDY the
// runtime kills the first process of an exec, the leash's too, and none of its children.
func (e Exec) Leashed() Exec {
	e.leashed = true
	return e
}

// leash is the exec beside a session.
type leash struct {
	mark  string
	talk  *io.PipeWriter
	ended chan error
}

// hold runs a session, given as a function of its context and command, on a leash.
func (e Exec) hold(ctx context.Context, argv []string, session func(context.Context, []string) error) error {
	if !e.leashed {
		return session(ctx, argv)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l, err := e.fasten(ctx, cancel)
	if err != nil {
		return err
	}
	err = session(ctx, append([]string{"env", sessionVariable + "=" + l.mark}, argv...))
	if !endedWell(err) {
		cancel(err)
		waitFor(l.ended, patience)
		return err
	}
	go func() {
		_, _ = io.WriteString(l.talk, "bye\n")
		_ = l.talk.Close()
	}()
	waitFor(l.ended, farewell)
	return err
}

// endedWell says whether a session's command has ended by itself.
func endedWell(err error) bool {
	var exit *ExitError
	return err == nil || errors.As(err, &exit)
}

// fasten starts a leash and waits until it holds. Should it end before the session, so does the session.
func (e Exec) fasten(ctx context.Context, cancel context.CancelCauseFunc) (*leash, error) {
	listen, talk := io.Pipe()
	l := &leash{mark: rand.Text(), talk: talk, ended: make(chan error, 1)}
	holds := &signalWriter{written: make(chan struct{})}
	plain := Exec{client: e.client, container: e.container}
	_, script, _ := strings.Cut(leashScript, "\n\n") // What ps shows of it begins after the comment.
	go func() {
		err := plain.Run(ctx, []string{"sh", "-c", script, "shareproc", l.mark}, listen, holds, nil)
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		_ = listen.Close() // Whoever still says bye need not wait.
		cancel(fmt.Errorf("hold session: %w", err))
		l.ended <- err
	}()
	select {
	case <-holds.written:
		return l, nil
	case <-ctx.Done():
		waitFor(l.ended, patience)
		return nil, context.Cause(ctx)
	}
}

// signalWriter tells that something was written to it.
type signalWriter struct {
	written chan struct{}
	once    sync.Once
}

func (w *signalWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.written) })
	return len(p), nil
}
