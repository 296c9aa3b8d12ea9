// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"slices"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// useImageOnNode changes the image to the first of Images that the node has, where it does not have the image itself: in
// a cluster without a way out, or at night, what is there beats what may be pulled. Who may not read nodes, whose kubelet
// names only its largest images (nodeStatusMaxImages, 50), pulls.
func (o *Opener) useImageOnNode(ctx context.Context, node string) {
	if len(o.Images) == 0 || node == "" {
		return
	}
	n, err := o.Client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil || onNode(n, o.Image) {
		return
	}
	if i := slices.IndexFunc(o.Images, func(image string) bool { return onNode(n, image) }); i >= 0 {
		o.Say("node %s has %s already and not %s: using that", node, o.Images[i], o.Image)
		o.Image = o.Images[i]
	}
}

// onNode compares images by their full names: nodes list them as docker.io/library/busybox:1.37.0-musl.
func onNode(n *corev1.Node, image string) bool {
	wanted, ok := fullName(image)
	return ok && slices.ContainsFunc(n.Status.Images, func(i corev1.ContainerImage) bool {
		return slices.ContainsFunc(i.Names, func(name string) bool {
			full, ok := fullName(name)
			return ok && full == wanted
		})
	})
}

func fullName(image string) (string, bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", false
	}
	return reference.TagNameOnly(named).String(), true
}
