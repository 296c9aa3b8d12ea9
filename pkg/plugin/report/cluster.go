// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

const (
	// logLines are the last ones of the container's log, and logBytes the most that they may have.
	logLines = 20
	logBytes = 64 << 10
	// mostEvents are shown, the newest ones.
	mostEvents = 10
	// logTime is how long the log may take: it comes from the kubelet.
	logTime = 5 * time.Second
)

// eventsOf lists the events of a pod, the oldest first.
func eventsOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) ([]corev1.Event, error) {
	selector := fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": pod.Name, "involvedObject.uid": string(pod.UID)}
	list, err := client.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector.String()})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	return list.Items, nil
}

func eventTime(e corev1.Event) time.Time {
	if !e.LastTimestamp.IsZero() {
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}

// logOf reads the end of a container's log; previous is that before its last restart.
func logOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, container string, previous bool) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	stream, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, Previous: previous, TailLines: new(int64(logLines)), LimitBytes: new(int64(logBytes)),
	}).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = stream.Close() }() // it was read to its end
	text, err := io.ReadAll(io.LimitReader(stream, logBytes))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	if len(text) == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}

// stateSection is what the API server says of the pod and the container.
func stateSection(pod *corev1.Pod, container string) report.Section {
	s := report.Section{Title: "Pod", Lines: []string{
		fmt.Sprintf("%s in namespace %s on node %s, %s", pod.Name, pod.Namespace, cmp.Or(pod.Spec.NodeName, "(none)"), pod.Status.Phase),
	}}
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Type != corev1.DisruptionTarget {
			s.Lines = append(s.Lines, strings.TrimSpace(fmt.Sprintf("condition %s: %s %s %s", c.Type, c.Status, c.Reason, c.Message)))
		}
	}
	s.Rows = [][]string{{"CONTAINER", "READY", "RESTARTS", "STATE", "LAST STATE", "IMAGE"}}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, st := range list {
			name := st.Name
			if name == container {
				name += " (this report)"
			}
			s.Rows = append(s.Rows, []string{name, fmt.Sprint(st.Ready), fmt.Sprint(st.RestartCount), stateOf(st.State), stateOf(st.LastTerminationState), st.Image})
		}
	}
	return s
}

func stateOf(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running since " + s.Running.StartedAt.UTC().Format(time.RFC3339)
	case s.Terminated != nil:
		return fmt.Sprintf("exit code %d (%s) at %s", s.Terminated.ExitCode, s.Terminated.Reason, s.Terminated.FinishedAt.UTC().Format(time.RFC3339))
	case s.Waiting != nil:
		return "waiting: " + s.Waiting.Reason
	}
	return "-"
}

// eventSection are the newest events.
func eventSection(events []corev1.Event) report.Section {
	s := report.Section{Title: "Events", Rows: [][]string{{"LAST SEEN (UTC)", "TYPE", "REASON", "COUNT", "MESSAGE"}}}
	for _, e := range events[max(len(events)-mostEvents, 0):] {
		s.Rows = append(s.Rows, []string{eventTime(e).UTC().Format(time.DateTime), e.Type, e.Reason, fmt.Sprint(max(e.Count, 1)), output.EscapeLine(e.Message)})
	}
	return s
}
