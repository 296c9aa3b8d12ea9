// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// TryHelper checks in a dry run whether a helper with the security context of c is admitted, and how it is changed.
func TryHelper(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, a := helperOpener{d}, attemptHelper(t, podspec.NewName())
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, a.Container, "", c), admission.DryRun()...)
	})
}

// TryCopy checks in a dry run whether a copy is admitted, and how its shell is changed.
func TryCopy(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, name := copyOpener{d}, podspec.CopyName(t.Pod.Name)
	a := o.attempt(t, plan, name)
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return admission.CreateDry(ctx, d.Client, pod)
	})
}

// TryPatch checks in a dry run whether a patch is admitted and, with pods, a resulting pod.
func TryPatch(ctx context.Context, d Deps, p PatchPlan, c podspec.Candidate, pods bool) (podspec.Made, error) {
	a := p.attempt(podspec.NewName())
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return patcher{d}.tryPatch(ctx, p, a.Container, c, pods)
	})
}

// CheckCopy returns an error if a copy could never start because a claim is for one pod only.
func CheckCopy(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	return checkReadWriteOncePod(pod, claimsOf(ctx, client, pod))
}

// PlanPatch checks whether the template of a workload can be patched, and what that would do. It changes nothing.
func PlanPatch(ctx context.Context, d Deps, want PatchRequest) (PatchPlan, error) {
	return patcher{d}.plan(ctx, want)
}

// OpenPatch patches a template, waits until every pod has the patch, and returns a session in the newest one.
func OpenPatch(ctx context.Context, d Deps, p PatchPlan) (*Session, error) {
	s, t, err := patcher{d}.open(ctx, p)
	return d.opened(ctx, &s, t, Request{Access: p.want.Access, Override: p.want.Override}, err)
}

// PatchOps returns what OpenPatch would send. With ask, dry runs decide the security context.
func PatchOps(ctx context.Context, d Deps, p PatchPlan, ask bool) ([]podspec.Op, error) {
	return patcher{d}.ops(ctx, p, ask)
}

// Resource is the resource of the workload, with its API group.
func (p PatchPlan) Resource() string { return p.workload.Plural() + appsGroup }

// Helpers lists the running helpers that see the target.
func (p *Plan) Helpers(t target.Target) []string {
	var names []string
	for _, c := range t.Pod.Spec.EphemeralContainers {
		if podspec.Waits(&c) && p.sees(t, &c) {
			names = append(names, c.Name)
		}
	}
	return names
}
