// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

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
