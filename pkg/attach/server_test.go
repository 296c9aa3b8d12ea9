// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	wire "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// limit is how long anything here may take before the test has failed.
const limit = 2 * time.Minute

// conversation is one exec as the far side sees it, over either protocol.
type conversation struct {
	path   string
	query  url.Values
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	sizes  <-chan remotecommand.TerminalSize
	gone   <-chan struct{} // closed when the client has left
	cut    func()          // drops the connection without a word
	fail   func(metav1.Status)
}

// command is what runs on the far side; its result is the exit code, or cutOff.
type command func(*conversation) int

// maxSizes is how many resizes a conversation may see without reading them.
const maxSizes = 100

// cutOff ends a conversation without a status.
const cutOff = -1

// reported ends a conversation whose status was sent by fail.
const reported = -2

// server speaks the exec protocols of an API server.
type server struct {
	run             command
	refuseWebSocket func(http.ResponseWriter)
	refuseSPDY      func(http.ResponseWriter)
	openWebSocket   http.HandlerFunc // in the place of serveWebSocket

	mu   sync.Mutex
	seen []string // the method of every request, in order
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Method)
	s.mu.Unlock()
	overWebSocket := websocket.IsWebSocketUpgrade(r)
	switch {
	case overWebSocket && s.refuseWebSocket != nil:
		s.refuseWebSocket(w)
	case !overWebSocket && s.refuseSPDY != nil:
		s.refuseSPDY(w)
	case overWebSocket && s.openWebSocket != nil:
		s.openWebSocket(w, r)
	case overWebSocket:
		s.serveWebSocket(w, r)
	default:
		s.serveSPDY(w, r)
	}
}

func (s *server) methods() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

// start serves s for the length of the test and gives an Exec for its only container.
func (s *server) start(t *testing.T) attach.Exec {
	t.Helper()
	return execAt(t, s.address(t))
}

// address serves s for the length of the test, and says where.
func (s *server) address(t *testing.T) string {
	t.Helper()
	listening := httptest.NewServer(s)
	t.Cleanup(func() {
		listening.CloseClientConnections()
		listening.Close()
	})
	return listening.URL
}

func execAt(t *testing.T, address string) attach.Exec {
	t.Helper()
	client, err := attach.New(&rest.Config{Host: address}, attach.AnyTransport)
	if err != nil {
		t.Fatal(err)
	}
	return client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"})
}

// statusOf is what the kubelet sends at the end of a command.
func statusOf(code int) metav1.Status {
	if code == 0 {
		return metav1.Status{Status: metav1.StatusSuccess}
	}
	return metav1.Status{
		Status:  metav1.StatusFailure,
		Reason:  wire.NonZeroExitCodeReason,
		Message: fmt.Sprintf("command terminated with non-zero exit code %d", code),
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{
			{Type: wire.ExitCodeCauseType, Message: fmt.Sprint(code)},
		}},
	}
}

// channelWriter is one outgoing channel of a WebSocket conversation.
type channelWriter struct {
	mu      *sync.Mutex
	conn    *websocket.Conn
	channel byte
}

func (w channelWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(p), w.conn.WriteMessage(websocket.BinaryMessage, append([]byte{w.channel}, p...))
}

func (s *server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.StreamProtocolV5Name}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	var mu sync.Mutex
	stdin, typed := io.Pipe()
	sizes, gone := make(chan remotecommand.TerminalSize, maxSizes), make(chan struct{})
	go func() {
		defer close(gone)
		defer close(sizes)
		typed.CloseWithError(listen(conn, typed, sizes))
	}()
	code := s.run(&conversation{
		path: r.URL.Path, query: r.URL.Query(), stdin: stdin,
		stdout: channelWriter{&mu, conn, wire.StreamStdOut},
		stderr: channelWriter{&mu, conn, wire.StreamStdErr},
		sizes:  sizes, gone: gone, cut: func() { _ = conn.NetConn().Close() },
		fail: func(status metav1.Status) {
			_ = json.NewEncoder(channelWriter{&mu, conn, wire.StreamErr}).Encode(status)
		},
	})
	_ = stdin.Close() // Whatever still comes is dropped, as by a process that has ended.
	if code == cutOff {
		return
	}
	if code != reported {
		_ = json.NewEncoder(channelWriter{&mu, conn, wire.StreamErr}).Encode(statusOf(code))
	}
	mu.Lock()
	defer mu.Unlock()
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(limit))
}

// listen hands out what the client sends until it leaves.
func listen(conn *websocket.Conn, typed *io.PipeWriter, sizes chan<- remotecommand.TerminalSize) error {
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return io.EOF // To a container, a cut and an end look the same.
		}
		switch message[0] {
		case wire.StreamStdIn:
			_, _ = typed.Write(message[1:])
		case wire.StreamClose:
			_ = typed.Close()
		case wire.StreamResize:
			var size remotecommand.TerminalSize
			if json.Unmarshal(message[1:], &size) == nil {
				sizes <- size
			}
		}
	}
}

func (s *server) serveSPDY(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{wire.StreamProtocolV4Name}); err != nil {
		return
	}
	opened := make(chan httpstream.Stream, 5)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, replied <-chan struct{}) error {
		go func() {
			<-replied // A command may be over before the client knows that its streams are open.
			opened <- stream
		}()
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	query := r.URL.Query()
	streams := map[string]httpstream.Stream{}
	for len(streams) < 1+len(query["stdin"])+len(query["stdout"])+len(query["stderr"])+len(query["tty"]) {
		select {
		case stream := <-opened:
			streams[stream.Headers().Get("streamType")] = stream
		case <-time.After(limit):
			return
		}
	}
	if resize := streams["resize"]; resize != nil {
		// A frame that nobody reads keeps the connection from ending.
		go func() { _, _ = io.Copy(io.Discard, resize) }()
	}
	gone := make(chan struct{})
	go func() {
		<-conn.CloseChan()
		close(gone)
	}()
	talk := &conversation{
		path: r.URL.Path, query: query, stdin: streams["stdin"], stdout: streams["stdout"], stderr: streams["stderr"],
		gone: gone, cut: func() { _ = conn.Close() },
		fail: func(status metav1.Status) { _ = json.NewEncoder(streams["error"]).Encode(status) },
	}
	if code := s.run(talk); code >= 0 {
		_ = json.NewEncoder(streams["error"]).Encode(statusOf(code))
	}
}

// answer refuses an upgrade with a body of any kind.
func answer(code int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, body, code) }
}

// answerStatus refuses an upgrade as an API server does.
func answerStatus(code int32, reason metav1.StatusReason, message string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(code))
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
		})
	}
}

// answerForbidden refuses an upgrade as the API server's authorization does.
func answerForbidden(subresource string) func(http.ResponseWriter) {
	reason := fmt.Errorf("User %q cannot create resource %q in API group \"\" in the namespace \"shop\"", "anna", "pods/"+subresource)
	return answerError(apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", reason))
}

// answerError refuses an upgrade with an error of the API server's own.
func answerError(err *apierrors.StatusError) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		status := err.Status()
		status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(int(status.Code))
		_ = json.NewEncoder(w).Encode(status)
	}
}
