// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Way is how a session comes to see the target's processes.
type Way string

// The ways, least intrusive first.
const (
	Reuse     Way = "reuse"
	Ephemeral Way = "ephemeral"
	Copy      Way = "copy"
)

// Wanted is what the user asked for.
type Wanted struct {
	// Copy asks for a copy of the pod instead of a helper in it.
	Copy bool
	// Image limits reuse to helpers of that image; "" takes any.
	Image string
}

// Plan is what Open will do.
type Plan struct {
	Way Way
	// Helper is the running container to use; only with Reuse.
	Helper string
	View   View
}

// Choose is the whole policy, in order: what the user asked for; a running helper of ours; an ephemeral
// helper, in the pod's process namespace where it shares one and else in the target container's. A way
// that restarts or duplicates the user's workload is only taken when asked for. The error says why
// there is nothing to look at.
func Choose(t target.Target, want Wanted) (Plan, error) {
	if want.Copy {
		return Plan{Way: Copy}, t.CheckCopyable()
	}
	if err := t.CheckRunning(); err != nil {
		return Plan{}, err
	}
	view := View{Container: t.Container}
	if t.Shared() {
		view = View{}
	}
	if name, ok := find(t, want.Image); ok {
		return Plan{Way: Reuse, Helper: name, View: view}, nil
	}
	return Plan{Way: Ephemeral, View: view}, nil
}

// find looks for a running container of ours that sees the target: the shell of a copy, or a helper in
// the same process namespace. The newest wins.
func find(t target.Target, image string) (string, bool) {
	spec := &t.Pod.Spec
	if t.Shared() && t.Pod.Labels[podspec.LabelManagedBy] == podspec.ManagedBy {
		if name := shellOf(spec); name != "" && running(t.Pod, name) {
			return name, true
		}
	}
	for _, c := range slices.Backward(spec.EphemeralContainers) {
		sees := t.Shared() || c.TargetContainerName == t.Container
		if podspec.IsHelper(&c) && sees && (image == "" || c.Image == image) && running(t.Pod, c.Name) {
			return c.Name, true
		}
	}
	return "", false
}

func shellOf(spec *corev1.PodSpec) string {
	if n := len(spec.Containers); n > 0 && spec.Containers[n-1].Stdin && spec.Containers[n-1].TTY {
		return spec.Containers[n-1].Name
	}
	return ""
}

func running(pod *corev1.Pod, container string) bool {
	st, ok := podspec.Status(pod, container)
	return ok && st.State.Running != nil
}
