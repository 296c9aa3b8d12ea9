// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
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

// checkPlatform is target.CheckPlatform for a workload: it checks the template and the node of one pod.
func (o patcher) checkPlatform(ctx context.Context, w workload) error {
	pod := &corev1.Pod{Spec: w.template.Spec}
	why := target.Windows(pod, nil)
	if selector, err := metav1.LabelSelectorAsSelector(w.selector); err == nil && why == "" {
		pods, err := o.Client.CoreV1().Pods(w.meta.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: 1})
		if err == nil && len(pods.Items) > 0 {
			why = target.Windows(&pods.Items[0], target.NodeOf(ctx, o.Client, &pods.Items[0]))
		}
	}
	if why == "" {
		return nil
	}
	return hint.With(fmt.Errorf("patch %s: %s", w, why), fmt.Sprintf("kubectl exec -n %s -it %s -- cmd", w.meta.GetNamespace(), w))
}
