// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func TestChoose(t *testing.T) {
	shared := func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(true) }
	both := func(edits ...func(*corev1.Pod)) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			for _, edit := range edits {
				edit(p)
			}
		}
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	own := View{Container: "web"}
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Wanted
		plan     Plan
	}{
		{"a plain pod gets a helper in the target's namespace", nil, Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"a pod that shares gets one in the pod's", shared, Wanted{}, Plan{Way: Ephemeral}},
		{"a pod in the node's process namespace too", func(p *corev1.Pod) { p.Spec.HostPID = true }, Wanted{}, Plan{Way: Ephemeral}},
		{"a running helper is used again", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{}, Plan{Way: Reuse, Helper: "shareproc-a", View: own}},
		{
			"the newest of two, wherever it stands", both(withHelper("shareproc-b", "web", "i", runningFor(0)), withHelper("shareproc-a", "web", "i", runningFor(time.Hour))),
			Wanted{},
			Plan{Way: Reuse, Helper: "shareproc-b", View: own},
		},
		{"not one that keeps a shell", withShell("shareproc-a", "", nowRunning()), Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"a shell that stays whatever runs already", both(withHelper("shareproc-a", "web", "i", nowRunning()), withShell("shareproc-b", "", nowRunning())), Wanted{Persist: true}, Plan{Way: Persist, View: own}},
		{"not one that has ended", withHelper("shareproc-a", "web", "i", ended), Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"not one beside another container", withHelper("shareproc-a", "proxy", "i", nowRunning()), Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"any one where the pod shares", both(shared, withHelper("shareproc-a", "", "i", nowRunning())), Wanted{}, Plan{Way: Reuse, Helper: "shareproc-a"}},
		{"not one of another image than asked for", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{Image: "j"}, Plan{Way: Ephemeral, View: own}},
		{"one of the image asked for", withHelper("shareproc-a", "web", "j", nowRunning()), Wanted{Image: "j"}, Plan{Way: Reuse, Helper: "shareproc-a", View: own}},
		{"not somebody else's debugger", func(p *corev1.Pod) {
			withHelper("debugger-a", "web", "i", nowRunning())(p)
		}, Wanted{}, Plan{Way: Ephemeral, View: own}},
		{"a copy only when asked for, helper or not", withHelper("shareproc-a", "web", "i", nowRunning()), Wanted{Copy: true}, Plan{Way: Copy}},
		{"a copy of a pod that has finished", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, Wanted{Copy: true}, Plan{Way: Copy}},
		{"the shell of a copy is a helper", both(shared, func(p *corev1.Pod) {
			p.Labels = map[string]string{podspec.LabelManagedBy: podspec.ManagedBy}
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "shareproc", Stdin: true, TTY: true})
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "shareproc", State: nowRunning()})
		}), Wanted{}, Plan{Way: Reuse, Helper: "shareproc"}},
	} {
		if c.want.Need == "" {
			c.want.Need = podspec.OpenRoot
		}
		got, err := Choose(newTarget(c.edit), c.want)
		if err != nil || got.Way != c.plan.Way || got.Helper != c.plan.Helper || got.View != c.plan.View {
			t.Errorf("%s: got %+v, %v", c.sentence, got, err)
		}
	}
	deleted := both(withHelper("shareproc-a", "web", "i", nowRunning()), func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) })
	if got, err := Choose(newTarget(deleted), Wanted{Need: podspec.OpenRoot}); err != nil || got.Way != Reuse {
		t.Errorf("a helper in a pod that is being deleted: %+v, %v", got, err)
	}
	if got, err := Choose(newTarget(deleted), Wanted{Need: podspec.OpenRoot, Except: "shareproc-a"}); err == nil {
		t.Errorf("a new one in a pod that is being deleted: %+v", got)
	}
	if _, err := Choose(newTarget(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), Wanted{}); err == nil {
		t.Error("a finished pod has no processes to see")
	}
}
