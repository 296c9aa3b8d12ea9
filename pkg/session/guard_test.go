// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

func TestGuardEndsWithThePod(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	s := Session{Namespace: "shop", Pod: "web", Container: "shareproc-a"}
	o := newCluster(target).opener()
	if err := o.alive(t.Context(), s); err != nil {
		t.Errorf("a running helper: %v", err)
	}
	ended := newTarget(withHelper("shareproc-a", "web", "i", corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}))
	if err := newCluster(ended).opener().alive(t.Context(), s); err == nil {
		t.Error("a helper that has ended is taken for alive")
	}
	if err := newCluster(ended).opener().Ended(t.Context(), s); err == nil || hint.Of(err) == "" {
		t.Errorf("a helper that has ended: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := o.Ended(short, s); err != nil {
		t.Errorf("a running helper has ended: %v", err)
	}
	gone := s
	gone.Pod = "gone"
	if err := o.alive(t.Context(), gone); err == nil {
		t.Error("a pod that is gone is taken for alive")
	}
}
