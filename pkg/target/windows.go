// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// windows is the value of pod.spec.os.name and of the label kubernetes.io/os.
const windows = string(corev1.Windows)

// Windows says that the pod or its node is of Windows, where containers share no process namespace
// (kubernetes.io/docs/concepts/windows/intro, "Pods") and no helper runs; "" where neither is. A node that is nil is not known.
func Windows(pod *corev1.Pod, node *corev1.Node) string {
	const share = ", where containers share no processes and have no /proc"
	switch {
	case pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows, pod.Spec.NodeSelector[corev1.LabelOSStable] == windows:
		return "it is made for Windows" + share
	case node != nil && node.Labels[corev1.LabelOSStable] == windows:
		return "node " + node.Name + " runs Windows" + share
	default:
		return ""
	}
}

// CheckPlatform says why nothing of ours can see the pod's processes, or nil.
func CheckPlatform(pod *corev1.Pod, node *corev1.Node) error {
	why := Windows(pod, node)
	if why == "" {
		return nil
	}
	return hint.With(fmt.Errorf("pod/%s cannot be debugged: %s", pod.Name, why), fmt.Sprintf("kubectl exec -n %s -it %s -- cmd", pod.Namespace, pod.Name))
}

// NodeOf reads the node of a pod; nil if it has none, or if the user may not get it.
func NodeOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) *corev1.Node {
	if pod.Spec.NodeName == "" {
		return nil
	}
	n, err := client.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return n
}
