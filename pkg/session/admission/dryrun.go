// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// DryRun are the options of a request that changes nothing.
func DryRun() []string { return []string{metav1.DryRunAll} }

// Try checks in a dry run whether a security context is admitted, and how our container is changed. An error that is not about
// the security context is a Blocker.
func (a Attempt) Try(image string, c podspec.Candidate, try func(podspec.Candidate) (*corev1.Pod, error)) (podspec.Made, error) {
	found, err := a.ask(image, c, try)
	if isBlocker(err) {
		err = Blocker{a.Explain(err)}
	}
	return found.Made, err
}

// TryPod checks in a dry run whether a pod with one container is admitted, and how that is changed.
func TryPod(ctx context.Context, d cluster.Cluster, pod *corev1.Pod, c podspec.Candidate) (podspec.Made, error) {
	a := Attempt{Copy: true, Namespace: pod.Namespace, Pod: "POD", What: "create a test pod", Container: pod.Spec.Containers[0].Name, Spec: &corev1.PodSpec{}}
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		tried := pod.DeepCopy()
		tried.Spec.Containers[0].SecurityContext, tried.Spec.Containers[0].Resources = c.Security, c.Resources
		return CreateDry(ctx, d.Client, tried)
	})
}

// CreateDry checks whether a pod is admitted, and keeps shareProcessNamespace if it is set.
func CreateDry(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) (*corev1.Pod, error) {
	made, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: DryRun()})
	if err != nil || CheckShared(&pod.Spec) != nil {
		return made, err
	}
	return made, CheckShared(&made.Spec)
}

// ErrDropped is the error for a pod or a template that lost its shared process namespace.
var ErrDropped = hint.With(errors.New("shareProcessNamespace was dropped: an admission policy or webhook removes it, "+
	"or the server does not support it (Kubernetes before 1.12, or its feature gate is off)"),
	"run it without --copy and --patch: a helper in the running pod does not need that field")

// CheckShared checks that admission kept the field: whatever removes it does not report it.
func CheckShared(spec *corev1.PodSpec) error {
	if share := spec.ShareProcessNamespace; spec.HostPID || share != nil && *share {
		return nil
	}
	return ErrDropped
}

// Blocker is an error that is not about the security context.
type Blocker struct{ error }

func (o Blocker) Unwrap() error { return o.error }

// OfQuota reports whether it is about a quota, which does not count helpers.
func (o Blocker) OfQuota() bool { return ofQuota(o.error) }

// Refused reports whether another security context might be admitted: admission answers with 400, 403 or 422, a webhook
// with any other 4xx.
func Refused(err error) bool {
	var status apierrors.APIStatus
	if errors.Is(err, ErrDropped) {
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
