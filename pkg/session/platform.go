// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// prepare checks whether the node can run a helper, if the user may read the node, and chooses the image.
func prepare(ctx context.Context, o Deps, pod *corev1.Pod) (Deps, error) {
	node := target.NodeOf(ctx, o.Client, pod)
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	if err := target.CheckPlatform(pod, node); err != nil {
		return o, err
	}
	return o.OnNode(node), nil
}
