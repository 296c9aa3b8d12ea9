// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
)

// The pod of an image is a copy to whoever cleans up, and is read with the user of the helper beside its container.
func TestOpenImage(t *testing.T) {
	const digest = "example.com/web@sha256:0123456789abcdef"
	target := newTarget(func(p *corev1.Pod) {
		withHelper("shareproc-a", "web", "i", nowRunning())(p)
		p.Status.ContainerStatuses[0].ImageID = digest
		p.Spec.NodeName = "n"
		p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
		p.Spec.EphemeralContainers[0].SecurityContext = podspec.Candidates(podspec.TargetUser{Undumpable: true, Known: true}, podspec.ReadRoot)[0].Security
	})
	c := newCluster(target)
	s, err := OpenImage(t.Context(), c.opener().Deps, &Session{Target: target, Container: "shareproc-a"})
	if err != nil {
		t.Fatal(err)
	}
	pod, err := c.CoreV1().Pods("shop").Get(t.Context(), s.Pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := inventory.Manager{Cluster: c.opener().Cluster}.List(t.Context(), inventory.Scope{Namespace: "shop", Pod: s.Pod})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Copy || !podspec.IsCopy(pod) || len(entries) != 1 || entries[0].CopyOf != "web" || entries[0].Ends.IsZero() {
		t.Errorf("got %+v, entries %+v", s, entries)
	}
	spec := &pod.Spec
	if spec.Volumes[0].Image.Reference != digest || spec.NodeName != "n" || spec.ImagePullSecrets[0].Name != "registry" || *spec.AutomountServiceAccountToken {
		t.Errorf("got %+v", spec)
	}
	if got := podspec.Describe(spec.Containers[0].SecurityContext); got != "root with default capabilities" {
		t.Errorf("its shell is %s: it need not trace", got)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.writes(), ", "); got != "create pod, delete pod" {
		t.Errorf("changed the cluster by: %s", got)
	}
}

// A server that does not know volumes of type image drops the source; one that does not allow them says that none is left.
func TestOpenImageWhereThereAreNoImageVolumes(t *testing.T) {
	for name, refuse := range map[string]func(*corev1.Pod) error{
		"dropped": func(p *corev1.Pod) error {
			p.Spec.Volumes[0].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
			return nil
		},
		"refused": func(p *corev1.Pod) error {
			return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), p.Name,
				field.ErrorList{field.Required(field.NewPath("spec", "volumes").Index(0), "must specify a volume type")})
		},
	} {
		target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
		c := newCluster(target)
		c.refusePod = refuse
		_, err := OpenImage(t.Context(), c.opener().Deps, &Session{Target: target, Container: "shareproc-a"})
		if !errors.Is(err, errNoImages) || !strings.Contains(hint.Of(err), "kubectl shareproc debug web --copy --hold") {
			t.Errorf("%s: %v, try %q", name, err, hint.Of(err))
		}
		if len(c.writes()) != 0 {
			t.Errorf("%s: changed the cluster by: %v", name, c.writes())
		}
	}
}
