// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"sync"

	"k8s.io/client-go/tools/remotecommand"
)

// sizeQueue holds the latest size: the connection may be slower than the user's mouse.
type sizeQueue struct {
	mu     sync.Mutex
	latest chan remotecommand.TerminalSize
	ended  chan struct{}
	once   sync.Once
}

func newSizeQueue() *sizeQueue {
	return &sizeQueue{latest: make(chan remotecommand.TerminalSize, 1), ended: make(chan struct{})}
}

// push replaces a size that is not sent yet.
func (q *sizeQueue) push(size remotecommand.TerminalSize) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.latest:
	default:
	}
	q.latest <- size
}

// requeue returns a size to the queue unless there is a later one.
func (q *sizeQueue) requeue(size remotecommand.TerminalSize) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case q.latest <- size:
	default:
	}
}

// Next waits for a size, and returns nil after the end of the session: client-go's goroutine asks until it gets one.
func (q *sizeQueue) Next() *remotecommand.TerminalSize {
	select {
	case <-q.ended:
		return nil
	default:
	}
	select {
	case size := <-q.latest:
		return &size
	case <-q.ended:
		return nil
	}
}

func (q *sizeQueue) close() {
	q.once.Do(func() { close(q.ended) })
}
