// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"io"
	"time"

	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
)

// drainTimeout is how long a canceled stream may use the local streams before Run returns without waiting for it.
const drainTimeout = 500 * time.Millisecond

// Run runs a command without a terminal and waits for its end. A nil stdin opens no stdin stream; a nil stdout or stderr
// is read and dropped. The two writers are never called at the same time, so one buffer may serve as both, and they are
// not called after Run has returned, unless a call was stuck for half a second already.
//
// Errors, in the order of precedence:
//   - a failure of a local stream ("write stdout: …", wrapping it), which ends the session at once;
//   - context.Cause(ctx) once ctx is done, at most a second later;
//   - *ExitError, the command's nonzero exit;
//   - *ConnectError, which says who kept the stream from being established, context.DeadlineExceeded inside when there is
//     no answer for 40 seconds;
//   - ErrLost when it was established and broke. Without stdin, and in Shell, that includes silence for 20 seconds.
//
// A nil error says that the command reported success, or, where a hop behind the API server was cut, only that the stream
// ended: the two look the same here. A caller that needs every byte must have the remote side mark the end in band. In the
// same way a remote command cannot tell a cut from the end of its stdin.
//
// The end of Run need not end the remote command. Measured with Kubernetes 1.37.2 and containerd 2.2, whether ctx ends or
// the client is killed: over WebSocket the command's stdin closes, and without one, or with a terminal, nothing happens to
// it at all; over SPDY the runtime kills the first process of the exec, and none of its children.
//
// When Run ends before stdin does, one Read of stdin may stay behind, and what it yields is lost.
func (e Exec) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	streams := remotecommand.StreamOptions{Stdin: stdin, Stdout: orDiscard(stdout), Stderr: orDiscard(stderr)}
	return e.stream(ctx, e.exec(argv, streams), streams)
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// stream runs one session.
func (e Exec) stream(ctx context.Context, to call, streams remotecommand.StreamOptions) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	local := newLocalStreams(cancel)
	streams.Stdout = local.writer("stdout", streams.Stdout)
	if streams.Stdin != nil {
		streams.Stdin = local.reader("stdin", streams.Stdin)
	}
	if streams.Stderr != nil {
		streams.Stderr = local.writer("stderr", streams.Stderr)
	}

	var result error // valid after ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer local.catch()
		dialled := e.newDial(cancel, to, streams.Tty || streams.Stdin == nil)
		result = dialled.describe(dialled.converse(ctx, e.client, streams), local.written.Load())
	}()
	var err error
	select {
	case <-ended:
		err = result
	case <-ctx.Done():
		waitFor(ended, drainTimeout)
	}
	local.close(drainTimeout)
	local.rethrow()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// waitFor waits for a canceled stream to end, but not for long: a dial may be in progress, or a writer may hang.
func waitFor(ended <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// converse dials, and copies until both sides have ended.
func (d *dial) converse(ctx context.Context, client *Client, streams remotecommand.StreamOptions) error {
	d.log = klog.FromContext(ctx)
	executor, err := d.executor(client, d.to.url)
	if err != nil {
		return err
	}
	return executor.StreamWithContext(klog.NewContext(ctx, demoteErrors(d.log)), streams)
}
