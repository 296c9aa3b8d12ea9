// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// TryHelper checks in a dry run whether a helper with the security context of c is admitted, and how it is changed.
func TryHelper(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, a := helperOpener{d}, attemptHelper(t, podspec.NamePrefix+suffix())
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, a.container, "", c), dryRun...)
	})
	return found.made, a.explained(err)
}

// TryCopy checks in a dry run whether a copy is admitted, and how its shell is changed.
func TryCopy(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, name := copyOpener{d}, NameFor(t.Pod.Name)
	a := o.attempt(t, plan, name)
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return createDry(ctx, d.Client, pod)
	})
	return found.made, a.explained(err)
}

// TryPatch checks in a dry run whether a patch is admitted and, with pods, a resulting pod.
func TryPatch(ctx context.Context, d Deps, p PatchPlan, c podspec.Candidate, pods bool) (podspec.Made, error) {
	a := p.attempt(podspec.NamePrefix + suffix())
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return patcher{d}.tryPatch(ctx, p, a.container, c, pods)
	})
	return found.made, a.explained(err)
}

// TryPod checks in a dry run whether a pod with one container is admitted, and how that is changed.
func TryPod(ctx context.Context, d Deps, pod *corev1.Pod, c podspec.Candidate) (podspec.Made, error) {
	a := attempt{mode: Copy, namespace: pod.Namespace, pod: "POD", what: "create a test pod", container: pod.Spec.Containers[0].Name, spec: &corev1.PodSpec{}}
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		tried := pod.DeepCopy()
		tried.Spec.Containers[0].SecurityContext, tried.Spec.Containers[0].Resources = c.Security, c.Resources
		return createDry(ctx, d.Client, tried)
	})
	return found.made, a.explained(err)
}

// createDry checks whether a pod is admitted, and keeps shareProcessNamespace if it is set.
func createDry(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) (*corev1.Pod, error) {
	made, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: dryRun})
	if err != nil || checkShared(&pod.Spec) != nil {
		return made, err
	}
	return made, checkShared(&made.Spec)
}

// explained returns a Blocker for an error that is not about the security context.
func (a attempt) explained(err error) error {
	if isBlocker(err) {
		return Blocker{a.explain(err)}
	}
	return err
}

// Blocker is an error that is not about the security context.
type Blocker struct{ error }

func (o Blocker) Unwrap() error { return o.error }

// OfQuota reports whether it is about a quota, which does not count helpers.
func (o Blocker) OfQuota() bool { return ofQuota(o.error) }

var dryRun = []string{metav1.DryRunAll}

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

// Refused reports whether another security context might be admitted: admission answers with 400, 403 or 422, a webhook
// with any other 4xx.
func Refused(err error) bool {
	var status apierrors.APIStatus
	if errors.Is(err, errDropped) {
		return true
	}
	if !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests:
		return false
	default:
		return code >= 400 && code < 500
	}
}
