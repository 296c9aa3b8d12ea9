// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestSidecarsAreContainersToo(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}, InitContainers: []corev1.Container{{Name: "migrate"}, {Name: "proxy"}}},
		Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{
			{Name: "migrate", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}, {Name: "proxy", State: running},
		}},
	}
	if got := strings.Join(containersOf(pod), " "); got != "app proxy" {
		t.Errorf("%q", got)
	}
}

func TestTheReplicaIsOfTheSameWorkload(t *testing.T) {
	made := func(name string, owner types.UID, phase corev1.PodPhase, ready corev1.ConditionStatus) corev1.Pod {
		yes := true
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: &yes}}},
			Status:     corev1.PodStatus{Phase: phase, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	pods := []corev1.Pod{
		made("self", "a", corev1.PodRunning, "True"), made("of another", "b", corev1.PodRunning, "True"), made("pending", "a", corev1.PodPending, "False"),
		made("not ready", "a", corev1.PodRunning, "False"),
		{},
	}
	if got := otherOf(pods, "self", "a"); got != "not ready" {
		t.Errorf("%q", got)
	}
	if got := otherOf(append(pods, made("ready", "a", corev1.PodRunning, "True")), "self", "a"); got != "ready" {
		t.Errorf("%q", got)
	}
	if got := otherOf(pods, "self", "c"); got != "" {
		t.Errorf("%q", got)
	}
}
