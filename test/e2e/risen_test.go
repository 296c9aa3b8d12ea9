// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// removeRecord makes the runtime forget an ended container, as those do who tidy up a node behind the kubelet's back. It
// speaks gRPC by hand: one message with one string.
func (l *lab) removeRecord(t *testing.T, id string) {
	t.Helper()
	var status struct{ Containerd string }
	if err := json.Unmarshal([]byte(l.cluster(t.Context(), t, "status", "-o", "json")), &status); err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", status.Containerd)
	}}}
	defer client.CloseIdleConnections()
	message := append([]byte{1<<3 | 2, byte(len(id))}, id...)
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/runtime.v1.RuntimeService/RemoveContainer", bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.Trailer.Get("Grpc-Status") != "0" {
		t.Fatalf("remove record of %s: %v, %v", id, err, response.Trailer)
	}
}

// addHelper adds a helper as the plugin does, at a time of its own.
func (w *environment) addHelper(t *testing.T, name string, added time.Time) {
	t.Helper()
	pod, err := w.client.CoreV1().Pods(w.namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := podspec.Helper{Name: name, Image: w.images["BUSYBOX"], PullPolicy: corev1.PullIfNotPresent, Target: "nginx", Keep: time.Hour, Added: added}
	pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, h.Ephemeral())
	if _, err := w.client.CoreV1().Pods(w.namespace).UpdateEphemeralContainers(t.Context(), "web", pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// awaitEnd waits for the end of a helper that the kubelet has started again so many times, and returns the container's id.
func (w *environment) awaitEnd(t *testing.T, name string, restarts int32) string {
	t.Helper()
	var id string
	err := poll(t.Context(), func() (bool, error) {
		pod, err := w.client.CoreV1().Pods(w.namespace).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		st, ok := podspec.Status(pod, name)
		if !ok || st.State.Terminated == nil || st.RestartCount != restarts {
			return false, nil
		}
		_, id, _ = strings.Cut(st.ContainerID, "://")
		return true, nil
	})
	if err != nil {
		t.Fatalf("%s did not end: %v", name, err)
	}
	return id
}

// risen is about helpers that the kubelet starts again, because the runtime does not know any longer that they have ended. One
// ends within seconds where its time was over; while one that cannot know that keeps the pod's status from changing, commands
// go on.
func (l *lab) risen(t *testing.T) {
	w, _, err := newEnvironment(t.Context(), l.settings, t.TempDir()) // it goes with the cluster
	if err != nil {
		t.Fatal(err)
	}
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	const late = "shareproc-late"
	w.addHelper(t, late, time.Now().Add(-time.Hour))
	l.removeRecord(t, w.awaitEnd(t, late, 0))
	// The kubelet looks at a pod that changes, and else after a minute or so.
	if _, err := w.kubectl(t.Context(), "annotate", "pod", "web", "looked=at"); err != nil {
		t.Fatal(err)
	}
	w.awaitEnd(t, late, 1)

	for _, args := range [][]string{{"debug", "web", "--idle-timeout", "1h", "-q", "--", "true"}, {"clean", "web", "-q"}} {
		if _, err := w.plugin(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	pod, err := w.client.CoreV1().Pods(w.namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	young := slices.IndexFunc(pod.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name != late })
	l.removeRecord(t, w.awaitEnd(t, pod.Spec.EphemeralContainers[young].Name, 0))
	w.awaitProcess(t, "shareproc 3600")
	if out, err := w.plugin(t.Context(), "debug", "web", "-q", "--", "echo", "goes on"); err != nil || out != "goes on\n" {
		t.Errorf("beside a helper that has risen: %q, %v", out, err)
	}
}
