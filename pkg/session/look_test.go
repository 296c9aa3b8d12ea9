// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

func TestSightOfNobodyElse(t *testing.T) {
	of := func(container string, helper bool) Process {
		return Process{Process: process.Process{Helper: helper, RootReadable: true}, Container: container}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}}
	r := &Session{Target: target.Target{Pod: pod, Container: "web"}}
	for _, c := range []struct {
		sentence string
		all, own []Process
		alone    bool
		text     string
	}{
		{"a helper in a namespace of its own", []Process{of("shareproc-a", true)}, nil, true, "no process of container web is visible"},
		{"a target that has just ended in a pod that shares", []Process{of("shareproc-a", true), of("", false)}, nil, false, "no process of container web is visible"},
		{"a target", []Process{of("shareproc-a", true), of("web", false)}, []Process{of("web", false)}, false, ""},
	} {
		if s := visibilityIn(r, c.all); s.Isolated != c.alone || s.Text != c.text {
			t.Errorf("%s: %+v", c.sentence, s)
		}
	}
}

// A process that only more rights than its own can open is still seen by a helper that has them.
func TestSightOfWhoChangedTheUser(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}}
	r := &Session{Target: target.Target{Pod: pod, Container: "web"}}
	changed := Process{Process: process.Process{EUID: 5, EGID: 6, RootReadable: true, Undumpable: true}, Container: "web"}
	plain := Process{Process: process.Process{EUID: 5, EGID: 6, RootReadable: true}, Container: "web"}
	for _, own := range [][]Process{{changed}, {changed, plain}} {
		s := visibilityIn(r, own)
		if got, want := s.TargetUser.Undumpable, len(own) == 1; got != want || s.Denied || s.TargetUser.User != (podspec.User{UID: 5, GID: 6}) {
			t.Errorf("of %d processes: %+v", len(own), s)
		}
	}
}
