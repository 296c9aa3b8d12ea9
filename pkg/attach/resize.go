// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"sync"

	"k8s.io/client-go/tools/remotecommand"
)

// sizeQueue holds the one size that matters, the latest, for a connection that may be slower than the user's mouse.
type sizeQueue struct {
	mu     sync.Mutex
	latest chan remotecommand.TerminalSize
	ended  chan struct{}
	once   sync.Once
}

func newSizeQueue() *sizeQueue {
	return &sizeQueue{latest: make(chan remotecommand.TerminalSize, 1), ended: make(chan struct{})}
}

// push replaces a size that was not sent yet.
func (q *sizeQueue) push(size remotecommand.TerminalSize) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.latest:
	default:
	}
	q.latest <- size
}

// putBack leaves a size for the next one, unless a later one came meanwhile.
func (q *sizeQueue) putBack(size remotecommand.TerminalSize) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case q.latest <- size:
	default:
	}
}

// Next waits for a size, and gives nil after the session's end: client-go's goroutine asks until it gets one.
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
