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

// CheckCopy returns an error if a copy could never start because a claim is for one pod only.
func CheckCopy(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	return checkReadWriteOncePod(pod, claimsOf(ctx, client, pod))
}

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
