// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// ErrDetached is returned by Attach when the user typed the detach keys: the container's process runs on.
var ErrDetached = errors.New("detached")

// Attach connects the user's terminal to that of the container's own process, which must have been started with stdin and a
// terminal. The process outlives the session. It gets two sizes, so that it redraws its screen if it redraws at all.
//
// A nil error says that the stream ended, as it does with the process; how that ended is in the container's status.
// Errors are those of Shell but for ExitError, and ErrDetached.
func (e Exec) Attach(ctx context.Context, t *Terminal, detach Keys) error {
	target := e.resource("attach").VersionedParams(&corev1.PodAttachOptions{
		Container: e.container.Name, Stdin: true, Stdout: true, TTY: true,
	}, scheme.ParameterCodec).URL()
	to := call{what: "attach to " + e.container.String(), subresource: "attach", url: target}
	return e.runTerminal(ctx, to, t, func(s *terminalSession) {
		s.reader = &escapeProxy{from: s.input, keys: detach}
		s.queue = &redrawOnAttach{sizes: s.sizes}
		if _, known := t.remoteSize(); !known {
			s.sizes.push(defaultSize())
		}
	})
}

// defaultSize is sent for a terminal that does not know its size: some processes wait for one.
func defaultSize() remotecommand.TerminalSize {
	return remotecommand.TerminalSize{Width: 80, Height: 24}
}

// redrawOnAttach sends a size that is one row off before the real one: a process redraws when its window changes.
type redrawOnAttach struct {
	sizes *sizeQueue
	begun atomic.Bool
}

// Next waits for a size, and returns nil at the end of the session.
func (r *redrawOnAttach) Next() *remotecommand.TerminalSize {
	size := r.sizes.Next()
	if size == nil || r.begun.Swap(true) {
		return size
	}
	r.sizes.requeue(*size)
	other := *size
	if other.Height > 1 {
		other.Height--
	} else {
		other.Height++
	}
	return &other
}
