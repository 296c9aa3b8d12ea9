// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"slices"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// OnNode changes the image to the first of Images that the node already has, unless it has Image: it may be unable to pull.
// A node reports only its largest images (nodeStatusMaxImages of the kubelet, 50).
func (d Deps) OnNode(n *corev1.Node) Deps {
	if n == nil || len(d.Images) == 0 || onNode(n, d.Image) {
		return d
	}
	if i := slices.IndexFunc(d.Images, func(image string) bool { return onNode(n, image) }); i >= 0 {
		d.Report.Say("using image %s instead of %s: node %s already has it", d.Images[i], d.Image, n.Name)
		d.Image = d.Images[i]
	}
	return d
}

// onNode compares full image names: nodes list docker.io/library/busybox:1.37.0-musl, and a digest without the tag.
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
	if digested, ok := named.(reference.Digested); ok {
		return reference.TrimNamed(named).Name() + "@" + digested.Digest().String(), true
	}
	return reference.TagNameOnly(named).String(), true
}

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
