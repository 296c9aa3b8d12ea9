// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// prepare asks, before anything is made, what may stand in the way: the permissions, and the pod's node, as far as the user
// may read it. It chooses the image.
func (o *Opener) prepare(ctx context.Context, pod *corev1.Pod, rules ...rule) error {
	var node *corev1.Node
	asked := crash.NewGroup(ctx)
	asked.Go(func() { node = o.nodeOf(ctx, pod) })
	err := o.mustBeAllowed(ctx, pod.Namespace, rules...)
	asked.Wait()
	if err != nil {
		return err
	}
	if err := target.CheckPlatform(pod, node); err != nil {
		return err
	}
	o.useImageOn(node)
	return nil
}

// nodeOf reads the node of a pod; nil where it has none, or where the user may not.
func (o *Opener) nodeOf(ctx context.Context, pod *corev1.Pod) *corev1.Node {
	if pod.Spec.NodeName == "" {
		return nil
	}
	n, err := o.Client.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return n
}

// checkPlatform is target.CheckPlatform for a workload: by its template, and by the node of one of its pods.
func (o *Opener) checkPlatform(ctx context.Context, w workload) error {
	pod := &corev1.Pod{Spec: w.template.Spec}
	why := target.Windows(pod, nil)
	if selector, err := metav1.LabelSelectorAsSelector(w.selector); err == nil && why == "" {
		pods, err := o.Client.CoreV1().Pods(w.meta.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: 1})
		if err == nil && len(pods.Items) > 0 {
			why = target.Windows(&pods.Items[0], o.nodeOf(ctx, &pods.Items[0]))
		}
	}
	if why == "" {
		return nil
	}
	return hint.With(fmt.Errorf("patch %s: %s", w, why), fmt.Sprintf("kubectl exec -n %s -it %s -- cmd", w.meta.GetNamespace(), w))
}
