// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// A helper can't be started beside a target that has ended, which the API may tell later than the runtime's refusal.
func TestWaitNoticesThatTheTargetEnded(t *testing.T) {
	refused := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: "invalid target container"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}}
	for _, c := range []struct {
		what  string
		state corev1.ContainerState // of the helper
		after func(*corev1.ContainerStatus)
		want  string
	}{
		{"restarted", corev1.ContainerState{}, func(st *corev1.ContainerStatus) { st.ContainerID = "containerd://bbbb" }, "it restarted meanwhile"},
		{"ended", corev1.ContainerState{}, func(st *corev1.ContainerStatus) { st.State = ended }, "it crash-loops: its last exit code is 3"},
		{"ended, the helper refused first", refused, func(st *corev1.ContainerStatus) { st.State = ended }, "it crash-loops: its last exit code is 3"},
		{"restarted, the helper refused first", refused, func(st *corev1.ContainerStatus) { st.ContainerID = "containerd://bbbb" }, "it restarted meanwhile"},
	} {
		target := newTarget(nil)
		cl := newCluster(target)
		cl.state = c.state
		looks := 0
		cl.PrependReactor("get", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
			object, err := cl.Tracker().Get(corev1.SchemeGroupVersion.WithResource("pods"), "shop", "web")
			if err != nil {
				return true, nil, err
			}
			pod := object.(*corev1.Pod).DeepCopy()
			if looks++; looks > 2 {
				c.after(&pod.Status.ContainerStatuses[0])
			}
			return true, pod, nil
		})
		_, err := open(t, cl, target, Wanted{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint.Of(err), "--hold") {
			t.Errorf("%s: got %v, try %q", c.what, err, hint.Of(err))
		}
	}
}
