// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
)

func windowsNode(t *testing.T, c *fakeAPI) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelOSStable: "windows"}}}
	if err := c.Tracker().Add(node); err != nil {
		t.Fatal(err)
	}
}

func TestWindowsIsToldBeforeAnythingIsMade(t *testing.T) {
	for sentence, edit := range map[string]func(*corev1.PodSpec){
		"a pod that says so":      func(p *corev1.PodSpec) { p.OS = &corev1.PodOS{Name: corev1.Windows} },
		"a pod that selects it":   func(p *corev1.PodSpec) { p.NodeSelector = map[string]string{corev1.LabelOSStable: "windows"} },
		"a pod on a Windows node": nil,
	} {
		for _, want := range []Request{{}, {Copy: true}} {
			target := newTarget(func(p *corev1.Pod) {
				if edit != nil {
					edit(&p.Spec)
				}
			})
			c := newCluster(target)
			if edit == nil {
				windowsNode(t, c)
			}
			plan, err := Choose(target, want, rbac.Permissions{})
			if err == nil {
				_, err = c.opener().Open(t.Context(), target, plan)
			}
			if err == nil || !strings.Contains(err.Error(), "pod/web cannot be debugged: ") || !strings.Contains(err.Error(), "Windows") || hint.Of(err) == "" {
				t.Errorf("%s, %+v: %v", sentence, want, err)
			}
			if len(c.writes()) > 0 {
				t.Errorf("%s, %+v: changed the cluster by %v", sentence, want, c.writes())
			}
		}
		t.Run(sentence, func(t *testing.T) {
			target := newTarget(func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web"} })
			c, d := newCluster(target), webDeployment()
			if edit != nil {
				edit(&d.Spec.Template.Spec)
			} else {
				windowsNode(t, c)
			}
			c.workshop(t, d, func(*appsv1.Deployment, bool) {})
			if _, err := c.planPatch(t, c.opener()); err == nil || !strings.Contains(err.Error(), "patch deployment/web: ") || !strings.Contains(err.Error(), "Windows") {
				t.Errorf("a patch of its workload: %v", err)
			}
		})
	}
}
