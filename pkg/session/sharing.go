// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

var errDropped = hint.With(errors.New("shareProcessNamespace did not last: an admission policy or webhook takes it away, "+
	"or the server lacks it (Kubernetes before 1.12, or its feature gate off)"),
	"a helper in the running pod, which needs no such field: the same command without --copy and --patch")

// checkShared looks, in what the server made of a request, whether the field is still there: what takes it away says nothing.
func checkShared(spec *corev1.PodSpec) error {
	if share := spec.ShareProcessNamespace; spec.HostPID || share != nil && *share {
		return nil
	}
	return errDropped
}

// verifyShared looks whether the container of a copy or of a patched pod sees more than itself. What can't be looked through,
// as with an image that has a shell and no more, is left to the user.
func verifyShared(ctx context.Context, o Deps, t target.Target, s Session) error {
	if sight, err := look(ctx, o, t, s); err != nil || !sight.Alone {
		return context.Cause(ctx)
	}
	return errIsolated(s, t.Pod)
}

// errIsolated is the error of a container that runs and shares its processes with none, whatever its spec says: as where the
// runtime gives each container a kernel or a sandbox of its own.
func errIsolated(s Session, pod *corev1.Pod) error {
	runtime := "the node's container runtime"
	if class := pod.Spec.RuntimeClassName; class != nil {
		runtime += " (runtime class " + *class + ")"
	}
	return hint.With(fmt.Errorf("use container %s of pod/%s: it runs, and sees no process but its own: %s keeps the containers of a pod apart",
		s.Container, s.Pod, runtime),
		fmt.Sprintf("kubectl shareproc debug %s --copy --hold, whose shell is in the container itself", pod.Name))
}
