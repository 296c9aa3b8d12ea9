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

// TryHelper asks in a dry run whether a helper with the security context of c is admitted.
func TryHelper(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) error {
	o := helperOpener{d}
	return o.patch(ctx, t, o.helper(t, plan, podspec.NamePrefix+suffix(), "", c), dryRun...)
}

// TryCopy asks in a dry run whether a copy is admitted.
func TryCopy(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) error {
	pod, _ := copyOpener{d}.copyOf(t, plan, NameFor(t.Pod.Name), "", c)
	return TryPod(ctx, d.Client, pod)
}

// TryPatch asks in a dry run whether a patch is admitted and, with pods, a pod that it leads to.
func TryPatch(ctx context.Context, d Deps, p PatchPlan, c podspec.Candidate, pods bool) error {
	return patcher{d}.tryPatch(ctx, p, podspec.NamePrefix+suffix(), c, pods)
}

// TryPod asks in a dry run whether a pod is admitted, and would share its processes as far as it asks for that.
func TryPod(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	made, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: dryRun})
	if err != nil || checkShared(&pod.Spec) != nil {
		return err
	}
	return checkShared(&made.Spec)
}

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
