// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// has answers a script's condition, by what the cluster or kubectl answers: "static", the directory of static pods can be
// written to; "mutating", the server has MutatingAdmissionPolicy; "apart" and "crun", a node has the runtime of that name,
// of which "apart" gives every container processes of its own; "users", a container's status has its user; "images", a volume may be an image;
// "patches", kubectl patches every subresource; "limits", a node holds its pods to their limits; "userns", it makes user namespaces.
func (s settings) has(ctx context.Context, name string) (bool, error) {
	switch name {
	case "static":
		return s.static != "", nil
	case "patches":
		help, err := exec.CommandContext(ctx, filepath.Join(s.path, "kubectl"), "patch", "--help").Output()
		return !bytes.Contains(help, []byte("Must be one of [status scale]")), err
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return false, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return false, err
	}
	switch name {
	case "mutating":
		_, err := client.AdmissionregistrationV1().MutatingAdmissionPolicies().List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	case "limits":
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return limited(ctx, client, nodes.Items)
	case "userns":
		return anyNode(ctx, client, func(n corev1.Node) bool {
			return slices.ContainsFunc(n.Status.RuntimeHandlers, func(h corev1.NodeRuntimeHandler) bool {
				return h.Features != nil && h.Features.UserNamespaces != nil && *h.Features.UserNamespaces
			})
		})
	case "apart", "crun":
		return anyNode(ctx, client, func(n corev1.Node) bool {
			return slices.ContainsFunc(n.Status.RuntimeHandlers, func(h corev1.NodeRuntimeHandler) bool { return h.Name == name })
		})
	case "users":
		return anyNode(ctx, client, func(n corev1.Node) bool {
			return n.Status.Features != nil && n.Status.Features.SupplementalGroupsPolicy != nil && *n.Status.Features.SupplementalGroupsPolicy
		})
	case "images":
		return keepsImageVolumes(ctx, client)
	default:
		return false, fmt.Errorf("unknown condition %s", name)
	}
}

// limited reports whether a kubelet makes a control group for each pod.
func limited(ctx context.Context, client *kubernetes.Clientset, nodes []corev1.Node) (bool, error) {
	for _, node := range nodes {
		text, err := client.CoreV1().RESTClient().Get().Resource("nodes").Name(node.Name).SubResource("proxy").Suffix("configz").DoRaw(ctx)
		var answer struct {
			Kubeletconfig struct{ CgroupsPerQOS bool }
		}
		if err == nil {
			err = json.Unmarshal(text, &answer)
		}
		if err != nil || answer.Kubeletconfig.CgroupsPerQOS {
			return err == nil, err
		}
	}
	return false, nil
}

func anyNode(ctx context.Context, client *kubernetes.Clientset, is func(corev1.Node) bool) (bool, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(nodes.Items, is), nil
}

// keepsImageVolumes tries: a server without them drops the field without a word.
func keepsImageVolumes(ctx context.Context, client *kubernetes.Clientset) (bool, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "shareproc-e2e-"},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "c", Image: "i"}},
			Volumes:    []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "i"}}}},
		},
	}
	made, err := client.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(made.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "v" && v.Image != nil }), nil
}
