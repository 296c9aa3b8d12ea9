// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// attempt is what the cluster is asked to admit.
type attempt struct {
	mode           Mode
	namespace, pod string
	// what begins a message: "copy pod/web".
	what string
	// container of ours is looked for in the answer.
	container string
	// spec is that of the pod which it is beside.
	spec  *corev1.PodSpec
	edits podspec.Edits
}

// An offer is a security context that the cluster admits.
type offer struct {
	podspec.Candidate
	made podspec.Made
	// pod is the answer to a dry run: the pod as it is now, and what was asked about.
	pod *corev1.Pod
}

// A refusal says that the cluster admits none of the security contexts that were tried.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// admitted returns the first candidate that try, a server-side dry run, lets through as it is. Every admission plugin and
// webhook has a say in that, so nobody has to know which policy a cluster runs. What admission makes less of comes last.
// Where the cluster refuses all of them the error is a refusal, and no other one where another context would change nothing.
func (a attempt) admitted(d Deps, candidates []podspec.Candidate, try func(podspec.Candidate) (*corev1.Pod, error)) (offer, error) {
	var refusals []error
	var lesser *offer
	undecided := 0
	for i, c := range candidates {
		found, err := a.ask(d.Image, c, try)
		switch {
		case err == nil && found.made.Lesser(c.Security):
			if lesser == nil {
				lesser = &found
			}
			refusals = append(refusals, fmt.Errorf("%s: %s", c.Name, found.made.Changes(c, d.Image)))
		case err == nil:
			if i > 0 {
				d.Report.Say("the cluster refuses %s; next best: %s", candidates[0].Name, c.Name)
			}
			return found, nil
		case !Refused(err) || errors.Is(err, errDropped) || isObstacle(err):
			return found, a.explain(err)
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
		d.Report.Say("the cluster can't be asked beforehand what it admits (%v); trying %s", refusals[0], candidates[0].Name)
		return offer{Candidate: candidates[0], made: podspec.Made{Image: d.Image, Security: candidates[0].Security}}, nil
	}
	return offer{}, refusal{hint.With(fmt.Errorf("%s: the cluster refuses every security context: %w", a.what, errors.Join(refusals...)),
		a.otherWay()+"; or ask the cluster's administrators for an exception")}
}

// sayChanges says what admission made of a container.
func (d Deps) sayChanges(c podspec.Candidate, made podspec.Made) {
	if changed := made.Changes(c, d.Image); changed != "" {
		d.Report.Say("%s", changed)
	}
}

// ask tries a candidate, with small limits where the namespace's quota wants some.
func (a attempt) ask(image string, c podspec.Candidate, try func(podspec.Candidate) (*corev1.Pod, error)) (offer, error) {
	c, pod, err := tryLimited(c, a.spec, try)
	return offer{Candidate: c, pod: pod, made: podspec.MadeIn(pod, a.container, podspec.Made{Image: image, Security: c.Security})}, err
}

func tryLimited(c podspec.Candidate, spec *corev1.PodSpec, try func(podspec.Candidate) (*corev1.Pod, error)) (podspec.Candidate, *corev1.Pod, error) {
	pod, err := try(c)
	if !ofQuota(err) {
		return c, pod, err
	}
	limited := c.Limited(spec)
	pod, again := try(limited)
	if ofQuota(again) {
		return c, pod, err // in which nothing of ours is named that nobody asked for
	}
	return limited, pod, again
}

// otherWay is advice that is not what was just refused.
func (a attempt) otherWay() string {
	if a.mode == Copy {
		return fmt.Sprintf("a helper in the pod itself (kubectl shareproc debug %s), about which other rules may decide", a.pod)
	}
	return "a copy (kubectl shareproc debug POD --copy), if another namespace's policy or yours admits one"
}

// explain says what stands against an attempt, where that is no security context.
func (a attempt) explain(err error) error {
	wrapped := func(why string) error { return fmt.Errorf("%s: %s: %w", a.what, why, err) }
	switch causes := invalid(err); {
	case ofQuota(err):
		return hint.With(wrapped("the quota of the namespace does not allow for it"), fmt.Sprintf("kubectl describe resourcequota -n %s; "+
			"a helper (kubectl shareproc debug POD) counts for none of it", a.namespace))
	case apierrors.IsInternalError(err):
		return hint.With(wrapped("the API server could not decide about it"), "kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations, "+
			"for who runs the webhook that is named: it has to answer, or to leave this namespace out")
	case len(causes) == 0:
		return fmt.Errorf("%s: %w", a.what, err)
	case slices.ContainsFunc(causes, func(c metav1.StatusCause) bool { return c.Type == metav1.CauseTypeFieldValueDuplicate }):
		return hint.With(wrapped("the cluster's admission adds what the pod has already"), a.injected())
	default:
		return hint.With(wrapped("the cluster does not take it as a pod"), a.flagOf(causes))
	}
}

// injected is advice where a webhook does not know a copy for what it has worked on already.
func (a attempt) injected() string {
	if a.mode == Copy && !a.edits.KeepAnnotations {
		return "--keep-annotations, by which an injector of sidecars knows that a pod has its container; or " + a.otherWay()
	}
	return a.otherWay()
}

// flagOf names the flag that a field of the pod comes from.
func (a attempt) flagOf(causes []metav1.StatusCause) string {
	for _, c := range causes {
		switch {
		case strings.HasSuffix(c.Field, ".image"):
			return "another --image, or --set-image for one of the pod's own containers"
		case strings.Contains(c.Field, ".env["):
			return "another --env"
		}
	}
	return a.otherWay()
}

// isObstacle tells a refusal that is about no security context.
func isObstacle(err error) bool { return ofQuota(err) || len(invalid(err)) > 0 }

// invalid are the fields that the server finds fault with; none where a security context is among them, or where no field is
// named, as by a policy.
func invalid(err error) []metav1.StatusCause {
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

// ofQuota tells the refusal of a ResourceQuota. The server gives it the same reason as any other and no cause, and always
// begins it so (plugin/resourcequota of k8s.io/apiserver).
func ofQuota(err error) bool {
	status, ok := statusOf(err)
	if !ok || status.Reason != metav1.StatusReasonForbidden || status.Details == nil {
		return false
	}
	_, why, _ := strings.Cut(status.Message, fmt.Sprintf("%q is forbidden: ", status.Details.Name))
	return slices.ContainsFunc([]string{"exceeded quota: ", "failed quota: ", "insufficient quota to consume: ", "status unknown for quota: "},
		func(begin string) bool { return strings.HasPrefix(why, begin) })
}

// noDryRun tells the answer of a server one of whose webhooks can't be asked without consequences: a request that it calls
// bad, without a cause.
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
