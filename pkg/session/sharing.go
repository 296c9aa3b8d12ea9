// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// verifyShared checks that the container of a copy or patched pod sees more than itself. An image without the tools for
// that is left to the user.
func verifyShared(ctx context.Context, o Deps, t target.Target, s Session) error {
	if visible, err := look(ctx, o, t, s); err != nil || !visible.Isolated {
		return context.Cause(ctx)
	}
	return errIsolated(s, t.Pod)
}

// errIsolated is the error for a container that sees only its own processes, as with runtimes that give each container
// a kernel or sandbox.
func errIsolated(s Session, pod *corev1.Pod) error {
	runtime := "the node's container runtime"
	if class := pod.Spec.RuntimeClassName; class != nil {
		runtime += " (runtime class " + *class + ")"
	}
	return hint.With(fmt.Errorf("use container %s in pod/%s: it is running but sees only its own processes: %s isolates the containers of a pod",
		s.Container, s.Pod, runtime),
		fmt.Sprintf("run kubectl shareproc debug %s --copy --hold, which opens the shell in the container itself", pod.Name))
}
