// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// ModeReport reports whether a mode would work.
type ModeReport struct {
	// Command is debug with the flag of the mode.
	Command  string    `json:"command"`
	For      Purpose   `json:"mode"`
	Works    bool      `json:"works"`
	Problems []Problem `json:"problems,omitempty"`
}

// diagnosed returns the modes, least intrusive first.
func diagnosed() []Purpose { return []Purpose{ForHelper, ForRoot, ForCopy, ForPatch} }

// flagOf is the flag of debug for a mode.
func flagOf(way Purpose) string {
	if way == ForHelper {
		return ""
	}
	return " --" + string(way)
}

// blocker is what prevents a mode, whatever is allowed: an unusable target, or one that could not be read.
type blocker struct{ blocked, unread error }

// examine describes the target and lists the questions about it.
func (e examiner) examine(ctx context.Context, d *Diagnosis, t target.Target, node *corev1.Node) map[Purpose]blocker {
	found := map[Purpose]blocker{}
	choose := func(way Purpose, access podspec.Access) session.Plan {
		want := d.want
		want.Access, want.Copy = access, way == ForCopy
		plan, err := session.Choose(t, want, rbac.Permissions{})
		if err == nil {
			err = target.CheckPlatform(t.Pod, node)
		}
		found[way], d.helpers[way] = blocker{blocked: err}, plan.Helper
		return plan
	}
	choose(ForRoot, podspec.Chroot)
	helper, copied := choose(ForHelper, podspec.ReadAll), choose(ForCopy, podspec.ReadAll)
	d.Target = describe(t)
	d.Target.Helper, d.Target.Helpers = d.helpers[d.For], helper.Helpers(t)
	if found[ForHelper].blocked == nil {
		d.Policy = append(d.Policy, e.helperTrials(t, helper, d.want.Override)...)
	}
	if found[ForCopy].blocked == nil {
		_, err := bounded(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, session.CheckCopy(ctx, e.Client, t.Pod)
		})
		found[ForCopy] = blocker{blocked: err}
		if found[ForCopy].blocked == nil {
			d.Policy = append(d.Policy, e.copyTrials(t, copied)...)
		}
	}
	found[ForPatch] = e.examinePatch(ctx, d, t)
	if err := found[d.For].blocked; err != nil && d.For != ForPatch {
		d.Target.Blocked = err.Error()
	}
	return found
}

// examinePatch finds the workload and lists the questions about its patch.
func (e examiner) examinePatch(ctx context.Context, d *Diagnosis, t target.Target) blocker {
	plan, err := bounded(ctx, func(ctx context.Context) (patch.Plan, error) { return e.patchOfTarget(ctx, d, t) })
	switch {
	case apierrors.IsForbidden(err):
		return blocker{unread: err}
	case err != nil:
		return blocker{blocked: err}
	}
	pods := !slices.ContainsFunc(d.Permissions, func(p Permission) bool { return p.is("create", "", "pods") && p.Allowed == No })
	d.Policy = append(d.Policy, e.patchTrials(plan, pods)...)
	return blocker{}
}

// patchOfTarget plans a patch of the named workload, or of the one that controls the pod.
func (e examiner) patchOfTarget(ctx context.Context, d *Diagnosis, t target.Target) (patch.Plan, error) {
	w, err := target.ParseWorkload(d.ref.Arg)
	if err != nil {
		if owner := metav1.GetControllerOf(t.Pod); owner != nil && owner.Kind == "ReplicaSet" {
			d.patchNeeds("get", "apps", "replicasets")
		}
		if w, err = target.ResolveWorkload(ctx, e.Client, d.Namespace, target.Ref{Arg: t.Pod.Name}); err != nil {
			return patch.Plan{}, err
		}
		d.Permissions = forWorkload(d.Permissions, d.For, w)
	}
	d.Workload = w.String()
	return patch.NewPlan(ctx, e.Cluster, patch.Request{
		Workload: w, Namespace: d.Namespace, Container: d.ref.Container, Access: podspec.ReadAll, Override: d.want.Override,
	})
}

func (d *Diagnosis) patchNeeds(verb, group, resource string) {
	for i := range d.Permissions {
		if p := &d.Permissions[i]; p.is(verb, group, resource) {
			p.For = append(slices.Clone(p.For), ForPatch)
			p.Needed = p.neededFor(d.For)
		}
	}
}
