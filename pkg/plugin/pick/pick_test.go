// SPDX-License-Identifier: Apache-2.0

package pick

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

func made(name string, phase corev1.PodPhase, ready bool, restarts int32, state corev1.ContainerState) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Time{Time: time.Unix(0, 0)}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		Status:     corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: ready, RestartCount: restarts, State: state}}},
	}
}

func newModel() *model {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	loop := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	done := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}
	m := &model{namespace: "shop", width: 80, height: 24, colored: true, pods: Rows([]corev1.Pod{
		made("job", corev1.PodSucceeded, false, 0, done),
		made("web-1", corev1.PodRunning, true, 0, running),
		made("web-0", corev1.PodRunning, true, 0, running),
		made("flaky", corev1.PodRunning, true, 3, running),
		made("starting", corev1.PodRunning, false, 0, running),
		made("crash", corev1.PodRunning, false, 12, loop),
	}, time.Unix(7200, 0))}
	m.arrange()
	return m
}

func (m *model) typed(keys string) *model {
	for key := range strings.FieldsSeq(keys) {
		msg := tea.KeyPressMsg{Text: key, Code: []rune(key)[0]}
		if code, ok := map[string]rune{"enter": tea.KeyEnter, "up": tea.KeyUp, "down": tea.KeyDown, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace}[key]; ok {
			msg = tea.KeyPressMsg{Code: code}
		}
		m.Update(msg)
	}
	return m
}

func TestThoseInTroubleComeFirst(t *testing.T) {
	var names []string
	for _, p := range newModel().rows {
		names = append(names, p.Name+" "+p.ready+" "+p.Status+" "+p.age)
	}
	want := "crash 0/1 CrashLoopBackOff 120m,starting 0/1 Running 120m,flaky 1/1 Running 120m,web-0 1/1 Running 120m,web-1 1/1 Running 120m,job 0/1 Succeeded 120m"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("%s", got)
	}
}

func TestOneIsPicked(t *testing.T) {
	for keys, want := range map[string]string{
		"enter": "crash", "down enter": "starting", "w e b enter": "web-0", "w e b down down enter": "web-1", "l o o p enter": "crash",
		"x y z enter": "", "x backspace enter": "crash", "w esc enter": "crash", "esc": "",
	} {
		if got := newModel().typed(keys).picked; got != want {
			t.Errorf("%q picks %q, want %q", keys, got, want)
		}
	}
}

func TestTheListFits(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {40, 6}, {200, 50}} {
		m := newModel()
		m.width, m.height = size[0], size[1]
		lines := strings.Split(m.View().Content, "\n")
		if len(lines) != size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if output.Width(line) > size[0] {
				t.Errorf("%v: %q", size, line)
			}
		}
	}
}
