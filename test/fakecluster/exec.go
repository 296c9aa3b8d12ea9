// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	wire "k8s.io/apimachinery/pkg/util/remotecommand"
)

// channel is one outgoing channel of an exec over WebSocket (the protocol v5.channel.k8s.io).
type channel struct {
	mu   *sync.Mutex
	conn *websocket.Conn
	id   byte
}

func (c channel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(p), c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{c.id}, p...))
}

// exec runs a command in a container, with the request's streams.
func (c *Cluster) exec(ctx context.Context, w http.ResponseWriter, q request) {
	query := q.URL.Query()
	pod, err := c.pod(q.key)
	if err != nil {
		refuse(w, err)
		return
	}
	for _, st := range pod.Status.EphemeralContainerStatuses {
		if st.Name == query.Get("container") && st.State.Terminated != nil {
			refuse(w, apierrors.NewInternalError(fmt.Errorf("unable to upgrade connection: container not found (%q)", st.Name)))
			return
		}
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.StreamProtocolV5Name}}
	conn, err := upgrader.Upgrade(w, q.Request, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer func() { _ = conn.Close() }()
	var mu sync.Mutex
	var stdin io.Reader
	typed, keys := io.Pipe()
	go listen(conn, keys)
	if query.Get("stdin") == "true" {
		stdin = typed
	}
	code, err := c.kubelet.run(ctx, pod, query.Get("container"), query["command"], stdin,
		channel{&mu, conn, wire.StreamStdOut}, channel{&mu, conn, wire.StreamStdErr})
	if code == outOfMemory {
		err = c.endHelper(q.key, query.Get("container"))
	}
	_ = typed.Close() // what still comes is dropped, as by a process that has ended
	_ = json.NewEncoder(channel{&mu, conn, wire.StreamErr}).Encode(ended(code, err))
	mu.Lock()
	defer mu.Unlock()
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Time{})
}

// outOfMemory is the exit code of what SIGKILL has ended.
const outOfMemory = 128 + 9

// endHelper ends a helper in which a command was killed, where its pod has a limit of memory: the kernel ends all of it
// (memory.oom.group), and the kubelet says why.
func (c *Cluster) endHelper(k key, container string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changePod(k, c.objects[k], func(pod *corev1.Pod) error {
		for i := range pod.Status.EphemeralContainerStatuses {
			if st := &pod.Status.EphemeralContainerStatuses[i]; st.Name == container && limited(pod) {
				st.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: outOfMemory, Reason: "OOMKilled"}}
			}
		}
		return nil
	})
}

func limited(pod *corev1.Pod) bool { return !pod.Spec.Containers[0].Resources.Limits.Memory().IsZero() }

// listen hands out what the client sends until it leaves.
func listen(conn *websocket.Conn, keys *io.PipeWriter) {
	defer func() { _ = keys.Close() }()
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		switch {
		case len(message) == 0:
		case message[0] == wire.StreamStdIn:
			_, _ = keys.Write(message[1:])
		case message[0] == wire.StreamClose:
			_ = keys.Close()
		}
	}
}

// ended is what the kubelet sends at the end of a command.
func ended(code int, err error) metav1.Status {
	status := metav1.Status{Status: metav1.StatusFailure, Reason: wire.NonZeroExitCodeReason, Message: fmt.Sprintf("command terminated with non-zero exit code %d", code)}
	switch {
	case err != nil:
		return metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Message: err.Error()}
	case code == 0:
		return metav1.Status{Status: metav1.StatusSuccess}
	}
	status.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: wire.ExitCodeCauseType, Message: fmt.Sprint(code)}}}
	return status
}
