// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

func patchRequest() patch.Request {
	return patch.Request{Workload: target.Workload{Kind: "deployment", Name: "web"}, Namespace: "shop", Access: podspec.ReadAll}
}

// patched patches deployment/web as a session does.
func (c *fakeAPI) patched(t *testing.T, o cluster.Cluster) *patch.Sent {
	t.Helper()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ResourceVersion: "1"}}
	d.Spec.Template.Spec = corev1.PodSpec{ShareProcessNamespace: new(bool), Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}
	if _, err := c.AppsV1().Deployments("shop").Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	plan, err := patch.NewPlan(t.Context(), o, patchRequest())
	if err != nil {
		t.Fatal(err)
	}
	sent := plan.Begin("shareproc-mine")
	if err := sent.Send(t.Context(), o, plan, "anna", admission.Offer{Candidate: plan.Candidates[0]}); err != nil {
		t.Fatal(err)
	}
	return sent
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

// Clean finds a patch without marks where its workload is named, and nobody patches it a second time.
func TestCleanFindsAPatchWithoutItsMarks(t *testing.T) {
	c := newFakeAPI(newPod(nil))
	o := c.opener()
	c.patched(t, o.Cluster)
	c.edit(t, func(d *appsv1.Deployment) { d.Annotations, d.Labels = nil, nil })
	if _, err := patch.NewPlan(t.Context(), o.Cluster, patchRequest()); err == nil || !strings.Contains(err.Error(), "already patched by anna") {
		t.Errorf("patched a second time: %v", err)
	}
	list, err := o.List(t.Context(), Scope{Namespace: "shop", Workload: patchRequest().Workload})
	if err != nil || len(list) != 1 || list[0].By != "anna" || list[0].State != StateRunning {
		t.Fatalf("found %+v, %v", list, err)
	}
	if back, err := o.undo(t.Context(), list[0]); err != nil || !back {
		t.Fatalf("undone %v, %v", back, err)
	}
	if d := c.edit(t, nil); len(d.Spec.Template.Spec.Containers) != 1 || *d.Spec.Template.Spec.ShareProcessNamespace {
		t.Errorf("left: %+v", d.Spec.Template.Spec)
	}
}

// Another client's sweep, whose clock is the server's too, takes back what has expired, and not what a session still uses.
func TestPatchInUseDoesNotExpire(t *testing.T) {
	for _, used := range []bool{false, true} {
		c := newFakeAPI(newPod(nil))
		o := c.opener()
		sent := c.patched(t, o.Cluster)
		later := o.Cluster
		later.Now = func() time.Time { return time.Now().Add(o.TTL * 3 / 2) }
		if used {
			if err := sent.Renew(t.Context(), later); err != nil {
				t.Fatal(err)
			}
		}
		later.Now = func() time.Time { return time.Now().Add(o.TTL * 2) }
		swept, err := Manager{later}.Sweep(t.Context(), "shop")
		if err != nil || (len(swept) == 0) != used {
			t.Errorf("used %v: swept %v, %v", used, swept, err)
		}
	}
}
