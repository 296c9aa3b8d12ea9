// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// newBlockedReader has nothing to say until the end of the test.
func newBlockedReader(t *testing.T) readerFunc {
	t.Helper()
	leave := make(chan struct{})
	t.Cleanup(func() { close(leave) })
	return func([]byte) (int, error) {
		<-leave
		return 0, nil
	}
}

// lockedBuffer is read while others may still write.
type lockedBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// startHandler is a server that calls handle for every request, and answers nothing.
func startHandler(t *testing.T, handle func()) attach.Exec {
	t.Helper()
	listening := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handle() }))
	t.Cleanup(listening.CloseClientConnections)
	return execAt(t, listening.URL)
}

// settle waits for a condition that must come true soon.
func settle(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s\n%s", limit, what, stacks())
		}
	}
}

// stacks is what all goroutines do.
func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

// copying counts the goroutines of client-go that can write to a local stream. Some of an earlier test may be stuck for good:
// a WebSocket that is canceled before its reading loop has started leaves them waiting.
func copying() int {
	all := stacks()
	return strings.Count(all, "copyStdout.func") + strings.Count(all, "copyStderr.func")
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
