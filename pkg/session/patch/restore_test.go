// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

func patchRequest() Request {
	return Request{Workload: target.Workload{Kind: "deployment", Name: "web"}, Namespace: "shop", Access: podspec.ReadAll}
}

// fakeAPI is a fake API server, and what was reported.
type fakeAPI struct {
	*fake.Clientset
	said []string
}

func (c *fakeAPI) Say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}
func (c *fakeAPI) Warn(format string, args ...any) { c.Say(format, args...) }
func (c *fakeAPI) Waiting(string)                  {}

// sentPatch is a patch of deployment/web that was sent, and nothing else.
func sentPatch(t *testing.T) (*fakeAPI, cluster.Cluster, *Sent) {
	t.Helper()
	c := &fakeAPI{Clientset: fake.NewClientset()}
	o := cluster.Cluster{Client: c, Dynamic: fakecluster.Dynamic(c.Clientset), Report: c, Settings: cluster.Settings{Image: "busybox", TTL: time.Hour, Timeout: time.Minute}}
	share := false
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ResourceVersion: "1"}}
	d.Spec.Template.Spec = corev1.PodSpec{ShareProcessNamespace: &share, Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}
	if _, err := c.AppsV1().Deployments("shop").Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(t.Context(), o, patchRequest())
	if err != nil {
		t.Fatal(err)
	}
	sent := plan.Begin("shareproc-mine")
	if err := sent.Send(t.Context(), o, plan, "anna", admission.Offer{Candidate: plan.Candidates[0]}); err != nil {
		t.Fatal(err)
	}
	return c, o, sent
}

// edit changes the deployment as somebody else would.
func (c *fakeAPI) edit(t *testing.T, change func(*appsv1.Deployment)) *appsv1.Deployment {
	t.Helper()
	d, err := c.AppsV1().Deployments("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return d
	}
	change(d)
	if d, err = c.AppsV1().Deployments("shop").Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func unmarked(d *appsv1.Deployment) { d.Annotations, d.Labels = nil, nil }

func checkRestored(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	spec := d.Spec.Template.Spec
	if len(spec.Containers) != 1 || spec.ShareProcessNamespace == nil || *spec.ShareProcessNamespace || d.Annotations[podspec.AnnotationPatch] != "" {
		t.Errorf("left: %+v, share %v, %v", spec.Containers, spec.ShareProcessNamespace, d.Annotations)
	}
}

// The session undoes its patch by what it knows, and says that somebody changed the marks.
func TestPatchWithoutItsMarkIsRestored(t *testing.T) {
	for name, change := range map[string]func(*appsv1.Deployment){
		"as it was": func(*appsv1.Deployment) {},
		"removed":   unmarked,
		"changed": func(d *appsv1.Deployment) {
			d.Annotations[podspec.AnnotationPatch] = `{"container": "shareproc-other"}`
		},
	} {
		c, o, s := sentPatch(t)
		c.edit(t, change)
		back, err := Restore(t.Context(), o, "shop", s.Workload, s.mark)
		if err != nil || !back {
			t.Fatalf("%s: restored %v, %v", name, back, err)
		}
		checkRestored(t, c.edit(t, nil))
		said := strings.Join(c.said, "\n")
		if warned := strings.Contains(said, "was removed or changed"); warned != (name != "as it was") {
			t.Errorf("%s: said %q", name, said)
		}
		if !strings.HasSuffix(said, "deployment/web restored") {
			t.Errorf("%s: said %q", name, said)
		}
	}
}

// A patch adds no tracer of the node's processes unasked, as a helper does not.
func TestPatchTracesNoNodeUnasked(t *testing.T) {
	for _, hostPID := range []bool{false, true} {
		c, o, s := sentPatch(t)
		if _, err := Restore(t.Context(), o, "shop", s.Workload, s.mark); err != nil {
			t.Fatal(err)
		}
		c.edit(t, func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.HostPID, d.Spec.Template.Spec.ShareProcessNamespace = hostPID, nil
		})
		plan, err := NewPlan(t.Context(), o, patchRequest())
		if err != nil {
			t.Fatal(err)
		}
		if traces := slices.ContainsFunc(plan.Candidates, addsTracing); traces == hostPID {
			t.Errorf("hostPID %v: SYS_PTRACE %v in %v", hostPID, traces, plan.Candidates)
		}
	}
}

func addsTracing(c podspec.Candidate) bool {
	return c.Security.Capabilities != nil && slices.Contains(c.Security.Capabilities.Add, "SYS_PTRACE")
}
