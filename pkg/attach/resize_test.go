// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"testing"

	"k8s.io/client-go/tools/remotecommand"
)

// TestSizeQueueKeepsTheLatest has a connection that takes one size in ten.
func TestSizeQueueKeepsTheLatest(t *testing.T) {
	queue := newSizeQueue()
	for i := range uint16(1000) {
		queue.push(remotecommand.TerminalSize{Width: i, Height: i})
		if i%10 != 9 {
			continue
		}
		if got := queue.Next(); got == nil || got.Width != i {
			t.Fatalf("after %d: got %v", i, got)
		}
	}
}

func TestSizeQueueEnds(t *testing.T) {
	queue := newSizeQueue()
	got := make(chan *remotecommand.TerminalSize)
	go func() { got <- queue.Next() }()
	queue.close()
	queue.close()
	if size := <-got; size != nil {
		t.Errorf("got %v", size)
	}
	queue.push(remotecommand.TerminalSize{Width: 1, Height: 1})
	if size := queue.Next(); size != nil {
		t.Errorf("after the end: got %v", size)
	}
}
