// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

func TestImageThatTheNodeHas(t *testing.T) {
	const pinned = "busybox@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Status: corev1.NodeStatus{Images: []corev1.ContainerImage{
		{Names: []string{"docker.io/library/" + pinned, "docker.io/library/busybox:1.36-musl"}},
		{Names: []string{"registry.internal/tools:latest"}},
	}}}
	for _, c := range []struct {
		sentence string
		node     *corev1.Node
		image    string
		images   []string
		want     string
	}{
		{"the image itself is there", node, "busybox:1.36-musl", []string{"registry.internal/tools"}, "busybox:1.36-musl"},
		{"the first of the others that is there", node, "busybox:2", []string{"busybox:3", pinned, "busybox:1.36-musl"}, pinned},
		{"a digest counts, whatever the tag beside it", node, "busybox:2", []string{strings.Replace(pinned, "@", ":1.37@", 1)}, strings.Replace(pinned, "@", ":1.37@", 1)},
		{"another digest of a tag that is there", node, "busybox:2", []string{"busybox:1.36-musl@sha256:" + strings.Repeat("b", 64)}, "busybox:2"},
		{"without a tag it is latest", node, "busybox:2", []string{"registry.internal/tools"}, "registry.internal/tools"},
		{"none is there", node, "busybox:2", []string{"busybox:3"}, "busybox:2"},
		{"no others", node, "busybox:2", nil, "busybox:2"},
		{"a name that is none", node, "busybox:2", []string{"NOT AN IMAGE"}, "busybox:2"},
		{"the node may not be read", nil, "busybox:2", []string{"busybox:1.36-musl"}, "busybox:2"},
	} {
		client := fake.NewClientset()
		if c.node != nil {
			client = fake.NewClientset(c.node)
		}
		d := Deps{Cluster: cluster.Cluster{Client: client, Settings: cluster.Settings{Image: c.image, Images: c.images}, Report: newCluster(newTarget(nil))}}
		d = d.OnNode(target.NodeOf(t.Context(), client, &corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-1"}}))
		if d.Image != c.want {
			t.Errorf("%s: %s, want %s", c.sentence, d.Image, c.want)
		}
	}
}

// The image is chosen before the dry run, which is asked about what will be sent.
func TestHelperGetsTheImageThatTheNodeHas(t *testing.T) {
	target := newTarget(as(0, 0))
	c := newCluster(target)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Status: corev1.NodeStatus{
		Images: []corev1.ContainerImage{{Names: []string{"docker.io/library/busybox:1.36-musl"}}},
	}}
	if err := c.Tracker().Add(node); err != nil {
		t.Fatal(err)
	}
	o := c.opener()
	o.Images = []string{"busybox:1.36-musl"}
	if _, err := o.Open(t.Context(), target, plan(t, target, Request{Access: podspec.ReadRoot})); err != nil {
		t.Fatal(err)
	}
	p, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || p.Spec.EphemeralContainers[0].Image != "busybox:1.36-musl" {
		t.Errorf("got %+v, %v", p.Spec.EphemeralContainers, err)
	}
}
