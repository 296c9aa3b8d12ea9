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

// Attach joins the user's terminal to the one of the container's own process, which must have been started with stdin and
// a terminal. The process outlives the session. What the terminal shows of it is painted anew, as far as the process
// paints at all when its window changes: it is told of two sizes, one row less and the right one.
//
// A nil error says that the stream ended, as it does with the process; how that ended is in the container's status.
// Errors are those of Shell but for ExitError, and ErrDetached.
func (e Exec) Attach(ctx context.Context, t *Terminal, detach Keys) error {
	target := e.resource("attach").VersionedParams(&corev1.PodAttachOptions{
		Container: e.container.Name, Stdin: true, Stdout: true, TTY: true,
	}, scheme.ParameterCodec).URL()
	return e.sit(ctx, call{what: "attach to " + e.container.String(), subresource: "attach", url: target}, t, func(s *sitting) {
		s.reader = &detaching{from: s.input, keys: detach}
		s.queue = &repainting{sizes: s.sizes}
		if _, known := t.remoteSize(); !known {
			s.sizes.push(usualSize())
		}
	})
}

// usualSize is what a process is told that waits for a size, of a terminal that knows none.
func usualSize() remotecommand.TerminalSize { return remotecommand.TerminalSize{Width: 80, Height: 24} }

// repainting gives one size that is not the terminal's before the one that is.
type repainting struct {
	sizes *sizeQueue
	begun atomic.Bool
}

// Next waits for a size; nil is the end.
func (r *repainting) Next() *remotecommand.TerminalSize {
	size := r.sizes.Next()
	if size == nil || r.begun.Swap(true) {
		return size
	}
	r.sizes.putBack(*size)
	other := *size
	if other.Height > 1 {
		other.Height--
	} else {
		other.Height++
	}
	return &other
}
