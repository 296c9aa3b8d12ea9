// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

func patchRequest() PatchRequest {
	return PatchRequest{Workload: target.Workload{Kind: "deployment", Name: "web"}, Namespace: "shop", Access: podspec.ReadAll}
}

// sentPatch is a session that patched deployment/web and has come no further.
func sentPatch(t *testing.T, c *fakeAPI) (patcher, Session) {
	t.Helper()
	o := patcher{c.deps(nil)}
	share := false
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ResourceVersion: "1"}}
	d.Spec.Template.Spec = corev1.PodSpec{ShareProcessNamespace: &share, Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}
	if _, err := c.AppsV1().Deployments("shop").Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	plan, err := o.plan(t.Context(), patchRequest())
	if err != nil {
		t.Fatal(err)
	}
	s := Session{Namespace: "shop", deps: o.Deps, Patched: &Patched{Workload: patchRequest().Workload}}
	if _, err := o.sendPatch(t.Context(), plan, o.patchOf("shareproc-mine", "anna", plan.Candidates[0]), s.Patched); err != nil {
		t.Fatal(err)
	}
	return o, s
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
		c := newCluster(newTarget(nil))
		o, s := sentPatch(t, c)
		c.edit(t, change)
		back, err := workloads(o).restore(t.Context(), "shop", s.Patched.Workload, s.Patched.mark)
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

// Clean finds a patch without marks where its workload is named, and nobody patches it a second time.
func TestCleanFindsAPatchWithoutItsMarks(t *testing.T) {
	c := newCluster(newTarget(nil))
	o, _ := sentPatch(t, c)
	c.edit(t, unmarked)
	if _, err := o.plan(t.Context(), patchRequest()); err == nil || !strings.Contains(err.Error(), "already patched by anna") {
		t.Errorf("patched a second time: %v", err)
	}
	list, err := workloads(o).listPatch(t.Context(), Scope{Namespace: "shop", Workload: patchRequest().Workload})
	if err != nil || len(list) != 1 || list[0].By != "anna" || list[0].State != StateRunning {
		t.Fatalf("found %+v, %v", list, err)
	}
	if back, err := Manager(o).undo(t.Context(), list[0]); err != nil || !back {
		t.Fatalf("undone %v, %v", back, err)
	}
	checkRestored(t, c.edit(t, nil))
}

// Another client's sweep, whose clock is the server's too, takes back what has expired, and not what a session still uses.
func TestPatchInUseDoesNotExpire(t *testing.T) {
	for _, used := range []bool{false, true} {
		c := newCluster(newTarget(nil))
		o, s := sentPatch(t, c)
		later := o.Deps
		later.Now = func() time.Time { return time.Now().Add(o.TTL * 3 / 2) }
		if used {
			if err := renew(t.Context(), workloads{later}, "shop", *s.Patched); err != nil {
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

// While a command runs its session renews the patch.
func TestCommandsKeepThePatch(t *testing.T) {
	c := newCluster(newTarget(nil))
	o, s := sentPatch(t, c)
	s.deps.TTL = 3 * time.Millisecond
	first := c.edit(t, nil).Annotations[podspec.AnnotationPatch]
	s.times = lifecycle.DefaultTimes()
	ctx, stop := guard(t.Context(), &s)
	defer stop()
	o.Timeout = time.Minute
	for limit := time.After(o.Timeout); c.edit(t, nil).Annotations[podspec.AnnotationPatch] == first; {
		select {
		case <-limit:
			t.Fatal("it is not renewed")
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		case <-time.After(time.Millisecond):
		}
	}
}

// A patch adds no tracer of the node's processes unasked, as a helper does not.
func TestPatchTracesNoNodeUnasked(t *testing.T) {
	for _, hostPID := range []bool{false, true} {
		c := newCluster(newTarget(nil))
		o, s := sentPatch(t, c)
		if _, err := workloads(o).restore(t.Context(), "shop", s.Patched.Workload, s.Patched.mark); err != nil {
			t.Fatal(err)
		}
		c.edit(t, func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.HostPID, d.Spec.Template.Spec.ShareProcessNamespace = hostPID, nil
		})
		plan, err := o.plan(t.Context(), patchRequest())
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
