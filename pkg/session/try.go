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

// TryHelper asks in a dry run whether a helper with the security context of c is admitted, and what becomes of it.
func TryHelper(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, a := helperOpener{d}, attemptHelper(t, podspec.NamePrefix+suffix())
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, a.container, "", c), dryRun...)
	})
	return found.made, a.explained(err)
}

// TryCopy asks in a dry run whether a copy is admitted, and what becomes of its shell.
func TryCopy(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, name := copyOpener{d}, NameFor(t.Pod.Name)
	a := o.attempt(t, plan, name)
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return createDry(ctx, d.Client, pod)
	})
	return found.made, a.explained(err)
}

// TryPatch asks in a dry run whether a patch is admitted and, with pods, a pod that it leads to.
func TryPatch(ctx context.Context, d Deps, p PatchPlan, c podspec.Candidate, pods bool) (podspec.Made, error) {
	a := p.attempt(podspec.NamePrefix + suffix())
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return patcher{d}.tryPatch(ctx, p, a.container, c, pods)
	})
	return found.made, a.explained(err)
}

// TryPod asks in a dry run whether a pod with one container is admitted, and what becomes of that.
func TryPod(ctx context.Context, d Deps, pod *corev1.Pod, c podspec.Candidate) (podspec.Made, error) {
	a := attempt{mode: Copy, namespace: pod.Namespace, pod: "POD", what: "create a small pod", container: pod.Spec.Containers[0].Name, spec: &corev1.PodSpec{}}
	found, err := a.ask(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		tried := pod.DeepCopy()
		tried.Spec.Containers[0].SecurityContext, tried.Spec.Containers[0].Resources = c.Security, c.Resources
		return createDry(ctx, d.Client, tried)
	})
	return found.made, a.explained(err)
}

// createDry asks whether a pod is admitted, and would share its processes as far as it asks for that.
func createDry(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) (*corev1.Pod, error) {
	made, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: dryRun})
	if err != nil || checkShared(&pod.Spec) != nil {
		return made, err
	}
	return made, checkShared(&made.Spec)
}

// explained says of a refusal that is about no security context what it is about.
func (a attempt) explained(err error) error {
	if isObstacle(err) {
		return Obstacle{a.explain(err)}
	}
	return err
}

// Obstacle is a refusal that is about no security context.
type Obstacle struct{ error }

func (o Obstacle) Unwrap() error { return o.error }

// OfQuota tells whether it is about a quota, which counts no helpers.
func (o Obstacle) OfQuota() bool { return ofQuota(o.error) }

var dryRun = []string{metav1.DryRunAll}

// CheckCopy says that a copy of a pod could never start, since a claim of it is for one pod alone.
func CheckCopy(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	return checkReadWriteOncePod(pod, claimsOf(ctx, client, pod))
}

// PlanPatch looks whether a workload's template can be patched, and what that would do. It changes nothing. The error says
// why it can't be, or who keeps the workload as it is.
func PlanPatch(ctx context.Context, d Deps, want PatchRequest) (PatchPlan, error) {
	return patcher{d}.plan(ctx, want)
}

// OpenPatch patches a template, waits until every pod has it, and returns a session in the newest of them.
func OpenPatch(ctx context.Context, d Deps, p PatchPlan) (*Session, error) {
	s, t, err := patcher{d}.open(ctx, p)
	return d.opened(ctx, &s, t, Request{Access: p.want.Access, Override: p.want.Override}, err)
}

// PatchOps are what OpenPatch would send. With ask the API server decides the security context in dry runs.
func PatchOps(ctx context.Context, d Deps, p PatchPlan, ask bool) ([]podspec.Op, error) {
	return patcher{d}.ops(ctx, p, ask)
}

// Resource is the plural of the workload that is patched, with its group.
func (p PatchPlan) Resource() string { return p.workload.Plural() + appsGroup }

// Helpers lists the running containers of ours that see the target.
func (p *Plan) Helpers(t target.Target) []string {
	var names []string
	for _, c := range t.Pod.Spec.EphemeralContainers {
		if podspec.Waits(&c) && p.sees(t, &c) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Refused tells an answer that another security context might change (admission says 400, 403 or 422, a webhook any other
// 4xx) from one that it would not.
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
