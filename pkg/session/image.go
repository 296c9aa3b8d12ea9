// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// OnNode changes the image to the first of Images that the node has, where it does not have the image itself: in
// a cluster without a way out, or at night, what is there beats what may be pulled. Where the node is not known (nil), and of
// all but its largest images (a kubelet's nodeStatusMaxImages, 50), they are pulled.
func (d Deps) OnNode(n *corev1.Node) Deps {
	if n == nil || len(d.Images) == 0 || onNode(n, d.Image) {
		return d
	}
	if i := slices.IndexFunc(d.Images, func(image string) bool { return onNode(n, image) }); i >= 0 {
		d.Report.Say("node %s has %s already and not %s: using that", n.Name, d.Images[i], d.Image)
		d.Image = d.Images[i]
	}
	return d
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
