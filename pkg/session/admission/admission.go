// SPDX-License-Identifier: Apache-2.0

// Package admission answers "does the cluster admit it, and how does it change it?": it asks in dry runs on the server, one
// security context after the other, and explains a refusal. What is asked about is built elsewhere.
package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// Attempt is what the cluster is asked to admit.
type Attempt struct {
	// What begins an error: "copy pod/web".
	What           string
	Namespace, Pod string
	// Container is the name of the container to look up in the answer.
	Container string
	// Spec is that of the pod that is copied, or that gets the helper.
	Spec *corev1.PodSpec
	// Copy is true for a copy of the pod, and Annotated if that keeps the annotations.
	Copy, Annotated bool
}

// Offer is a security context that the cluster admits.
type Offer struct {
	podspec.Candidate
	Made podspec.Made
	// Pod is the answer to a dry run: the existing pod, or the one that was asked about.
	Pod *corev1.Pod
}

// Denial is the error if the cluster admits none of the security contexts that were tried.
type Denial struct{ error }

func (r Denial) Unwrap() error { return r.error }

// Admitted returns the first candidate that a server-side dry run admits unchanged, else one that admission weakened.
// All admission plugins and webhooks take part in a dry run. The error is a Denial only if another context could help.
func (a Attempt) Admitted(d cluster.Cluster, candidates []podspec.Candidate, try func(podspec.Candidate) (*corev1.Pod, error)) (Offer, error) {
	var refusals []error
	var lesser *Offer
	undecided := 0
	for i, c := range candidates {
		found, err := a.ask(d.Image, c, try)
		switch {
		case err == nil && found.Made.Weaker(c.Security):
			if lesser == nil {
				lesser = &found
			}
			refusals = append(refusals, fmt.Errorf("%s: %s", c.Name, found.Made.Changes(c, d.Image)))
		case err == nil:
			if i > 0 {
				d.Report.Say("%s denied by admission; falling back to %s", candidates[0].Name, c.Name)
			}
			return found, nil
		case !Refused(err) || errors.Is(err, ErrDropped) || isBlocker(err):
			return found, a.Explain(err)
		default:
			if noDryRun(err) {
				undecided++
			}
			refusals = append(refusals, fmt.Errorf("as %s: %w", c.Name, err))
		}
	}
	switch {
	case lesser != nil:
		return *lesser, nil
	case undecided == len(candidates):
		d.Report.Say("admission cannot be checked in a dry run (%v); trying %s", refusals[0], candidates[0].Name)
		return Offer{Candidate: candidates[0], Made: podspec.Made{Image: d.Image, Security: candidates[0].Security}}, nil
	}
	return Offer{}, Denial{hint.With(fmt.Errorf("%s: admission denied every security context: %w", a.What, errors.Join(refusals...)),
		a.otherWay()+", or ask an admin for an exception")}
}

// SayChanges reports what admission changed in a container.
func (o Offer) SayChanges(c cluster.Cluster, made podspec.Made) {
	if changed := made.Changes(o.Candidate, c.Image); changed != "" {
		c.Report.Say("%s", changed)
	}
}

// ask tries a candidate, with small limits if the quota of the namespace requires some.
func (a Attempt) ask(image string, c podspec.Candidate, try func(podspec.Candidate) (*corev1.Pod, error)) (Offer, error) {
	c, pod, err := tryLimited(c, a.Spec, try)
	return Offer{Candidate: c, Pod: pod, Made: podspec.MadeIn(pod, a.Container, podspec.Made{Image: image, Security: c.Security})}, err
}

func tryLimited(c podspec.Candidate, spec *corev1.PodSpec, try func(podspec.Candidate) (*corev1.Pod, error)) (podspec.Candidate, *corev1.Pod, error) {
	pod, err := try(c)
	if !ofQuota(err) {
		return c, pod, err
	}
	limited := c.Limited(spec)
	pod, again := try(limited)
	if ofQuota(again) {
		return c, pod, err // whose text does not mention limits that the user did not ask for
	}
	return limited, pod, again
}

// otherWay advises a mode other than the one that was denied.
func (a Attempt) otherWay() string {
	if a.Copy {
		return fmt.Sprintf("run kubectl shareproc debug %s without --copy, as other rules may apply to a helper", a.Pod)
	}
	return fmt.Sprintf("run kubectl shareproc debug %s --copy if policy admits a copy", a.Pod)
}

// Explain describes an error that is not about a security context.
func (a Attempt) Explain(err error) error {
	wrapped := func(why string) error { return fmt.Errorf("%s: %s: %w", a.What, why, err) }
	switch causes := Invalid(err); {
	case ofQuota(err):
		return hint.With(wrapped("the quota of the namespace does not allow it"), fmt.Sprintf("run kubectl describe resourcequota -n %s, "+
			"or use a helper (kubectl shareproc debug POD), which does not count against it", a.Namespace))
	case apierrors.IsInternalError(err):
		return hint.With(wrapped("admission failed with an internal error"), "run kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations "+
			"to find the webhook: it must answer, or exclude this namespace")
	case len(causes) == 0:
		return fmt.Errorf("%s: %w", a.What, err)
	case slices.ContainsFunc(causes, func(c metav1.StatusCause) bool { return c.Type == metav1.CauseTypeFieldValueDuplicate }):
		return hint.With(wrapped("admission adds something that the pod already has"), a.injected())
	default:
		return hint.With(wrapped("the API server rejects it as invalid"), a.flagOf(causes))
	}
}

// injected is advice for a webhook that does not recognize its own work in a copy.
func (a Attempt) injected() string {
	if a.Copy && !a.Annotated {
		return "add --keep-annotations, so that a sidecar injector recognizes its own container, or " + a.otherWay()
	}
	return a.otherWay()
}

// flagOf names the flag that a field of the pod comes from.
func (a Attempt) flagOf(causes []metav1.StatusCause) string {
	for _, c := range causes {
		switch {
		case strings.HasSuffix(c.Field, ".image"):
			return "use another --image, or --set-image for a container of the pod"
		case strings.Contains(c.Field, ".env["):
			return "use another --env"
		}
	}
	return a.otherWay()
}

// isBlocker reports whether an error is not about the security context.
func isBlocker(err error) bool { return ofQuota(err) || len(Invalid(err)) > 0 }

// Invalid returns the fields that the server rejects; none if one of them is a security context, or if a policy names
// no field.
func Invalid(err error) []metav1.StatusCause {
	status, ok := statusOf(err)
	if !ok || status.Reason != metav1.StatusReasonInvalid || status.Details == nil {
		return nil
	}
	about := func(c metav1.StatusCause) bool {
		return c.Field == "" || strings.Contains(strings.ToLower(c.Field), "securitycontext")
	}
	if slices.ContainsFunc(status.Details.Causes, about) {
		return nil
	}
	return status.Details.Causes
}

// ofQuota reports whether a ResourceQuota denied a request. The status has no cause for that; its message has one of
// these prefixes (plugin/resourcequota of k8s.io/apiserver).
func ofQuota(err error) bool {
	status, ok := statusOf(err)
	if !ok || status.Reason != metav1.StatusReasonForbidden || status.Details == nil {
		return false
	}
	_, why, _ := strings.Cut(status.Message, fmt.Sprintf("%q is forbidden: ", status.Details.Name))
	return slices.ContainsFunc([]string{"exceeded quota: ", "failed quota: ", "insufficient quota to consume: ", "status unknown for quota: "},
		func(begin string) bool { return strings.HasPrefix(why, begin) })
}

// noDryRun reports whether a webhook with side effects prevented the dry run: the server then returns a bad request
// without details.
func noDryRun(err error) bool {
	status, ok := statusOf(err)
	return ok && status.Reason == metav1.StatusReasonBadRequest && status.Code == http.StatusBadRequest && status.Details == nil
}

func statusOf(err error) (metav1.Status, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return metav1.Status{}, false
	}
	return status.Status(), true
}

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
