// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// HelperPatch is the strategic merge patch of pods/ephemeralcontainers that adds a helper.
type HelperPatch struct {
	Metadata HelperPrecondition `json:"metadata,omitzero"`
	Spec     struct {
		EphemeralContainers []corev1.EphemeralContainer `json:"ephemeralContainers"`
	} `json:"spec"`
}

// HelperPrecondition makes the server refuse the patch (409 Conflict) if the pod has changed since it was read: of two
// users who add a helper at once, the second finds that of the first.
type HelperPrecondition struct {
	ResourceVersion string    `json:"resourceVersion,omitempty"`
	UID             types.UID `json:"uid,omitempty"`
}

// helperOpener adds helpers to running pods.
type helperOpener struct{ Deps }

// helper builds the patch that adds a helper for the target with the security context of c.
func (o helperOpener) helper(t target.Target, plan Plan, name, by string, c podspec.Candidate) HelperPatch {
	h := podspec.Helper{
		Name:       name,
		Image:      o.Image,
		PullPolicy: o.PullPolicy,
		Target:     plan.View.Container,
		Keep:       o.Keep,
		Added:      plan.added,
		Security:   c.Security,
		Access:     plan.request.Access,
		Container:  t.Container,
		By:         by,
		Reason:     o.Reason,
		Persistent: plan.request.Persist,
		Prompt:     podspec.Prompt(t.Pod.Name, t.Container),
	}
	if !plan.request.Override.Empty() || plan.request.AnyProcess && plan.request.TargetUser != nil {
		// It is not the best that the cluster admits for the target.
		h.Access = ""
	}
	var p HelperPatch
	p.Spec.EphemeralContainers = []corev1.EphemeralContainer{h.Ephemeral()}
	return p
}

// PlanHelper returns the patch that Open would send. With ask, a dry run decides the security context; otherwise it is
// the first candidate.
func PlanHelper(ctx context.Context, o Deps, t target.Target, plan Plan, ask bool) (HelperPatch, error) {
	name := podspec.NewName()
	if !ask {
		return helperOpener{o}.helper(t, plan, name, "", plan.Candidates[0]), nil
	}
	found, err := (helperOpener{o}).admittedHelper(ctx, t, plan, name)
	return helperOpener{o}.helper(t, plan, name, rbac.Who(ctx, o.Client), found.Candidate), err
}

func attemptHelper(t target.Target, name string) admission.Attempt {
	return admission.Attempt{
		Namespace: t.Pod.Namespace, Pod: t.Pod.Name, What: "add a helper to pod/" + t.Pod.Name, Container: name, Spec: &t.Pod.Spec,
	}
}

func (o helperOpener) admittedHelper(ctx context.Context, t target.Target, plan Plan, name string) (admission.Offer, error) {
	return attemptHelper(t, name).Admitted(o.Cluster, plan.Candidates, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, name, "", c), admission.DryRun()...)
	})
}

// openHelper adds a helper and checks what it can see. If the first process of the target has another user than the API
// reports, it adds a second helper for that user.
func (o helperOpener) openHelper(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	if plan.Fallback != "" {
		return o.openMatch(ctx, t, plan)
	}
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, err
	}
	o.Deps = deps
	s, c, err := o.start(ctx, t, plan)
	if refused, ok := errors.AsType[admission.Denial](err); ok {
		return o.useExistingContainer(ctx, t, plan, refused)
	}
	if err != nil || !s.New {
		return s, err
	}
	visible, err := look(ctx, o.Deps, t, s)
	if err != nil {
		return s, fmt.Errorf("check access of helper %s: %w", s.Container, err)
	}
	if visible.Isolated {
		return s, errIsolated(s, t.Pod)
	}
	better := plan.retryPlan(visible, c)
	if !visible.Denied || len(better.Candidates) == 0 {
		o.sayDenied(visible)
		return s, nil
	}
	o.Report.Say("helper %s cannot read the files of container %s, whose first process runs as %d:%d; adding another helper",
		s.Container, t.Container, visible.TargetUser.User.UID, visible.TargetUser.User.GID)
	t = s.Target
	second, _, err := o.start(ctx, t, better)
	refused, ok := errors.AsType[admission.Denial](err)
	switch {
	case ok:
		o.Report.Say("%v", refused)
	case err != nil:
		return second, err
	case second.Container == s.Container:
		o.Report.Say("admission gives every other helper the same security context")
	case !second.New:
		return second, nil
	default:
		s = second
		if visible, err = look(ctx, o.Deps, t, s); err != nil {
			return s, fmt.Errorf("check access of helper %s: %w", s.Container, err)
		}
	}
	o.sayDenied(visible)
	return s, nil
}

// retryPlan plans a second helper for the user that the first one observed, without the security context already tried.
// Candidates is empty if the requested access needs no other helper.
func (p Plan) retryPlan(visible visibility, tried podspec.Candidate) Plan {
	access := p.request.Access
	p.TargetUser = visible.TargetUser
	p.Candidates = nil
	if access != podspec.ReadRoot && access != podspec.ReadAll && access != podspec.Chroot || !p.request.Override.Empty() {
		return p
	}
	for _, c := range podspec.Candidates(p.TargetUser, access) {
		if !podspec.EqualSecurityContext(c.Security, tried.Security) && podspec.Meets(c.Security, p.TargetUser, podspec.ReadRoot) {
			p.Candidates = append(p.Candidates, c)
		}
	}
	return p
}

// helperTries is how often adding a helper is retried because the pod, or only its status, has changed.
const helperTries = 20

// start adds a helper and waits until it runs. If one with the same security context, as admission would change it, is
// running or starting, it uses that one.
func (o helperOpener) start(ctx context.Context, t target.Target, plan Plan) (Session, podspec.Candidate, error) {
	s := reuse(t, plan, podspec.NewName())
	s.Running = false
	var passed []string // helpers that were waited for and did not start
	for try := 1; ; try++ {
		found, err := o.admittedHelper(ctx, t, plan, s.Container)
		if err != nil {
			return s, found.Candidate, err
		}
		if found.Pod != nil && found.Pod.Name == t.Pod.Name {
			t.Pod = found.Pod
		}
		passed = append(passed, s.Container)
		if name, ok := plan.equalHelper(t, found.Made, passed); ok && plan.Mode != Persist {
			joined, again, err := o.join(ctx, t, plan, name)
			if !again {
				return joined, found.Candidate, err
			}
			passed = append(passed, name)
			continue
		}
		if err := failedJustNow(o.Deps, t, found.Made); err != nil {
			return s, found.Candidate, err
		}
		err = o.add(ctx, &s, t, plan, found, try < helperTries)
		if !s.New && apierrors.IsConflict(err) && try < helperTries {
			plan.Candidates = []podspec.Candidate{found.Candidate}
			continue
		}
		return s, found.Candidate, err
	}
}

// againAfter is how long after the runtime could not start a helper an equal one is added: what kept it from that, such as the
// pod's limit of processes, is most likely as it was, and the entry of each helper stays for as long as the pod.
const againAfter = time.Minute

// failedJustNow returns why the runtime could not start an equal helper, if that was just now.
func failedJustNow(o Deps, t target.Target, made podspec.Made) error {
	for _, c := range newestFirst(t.Pod) {
		st, ok := podspec.Status(t.Pod, c.Name)
		if !ok || !equalTo(t, made, &c) || st.State.Waiting == nil || st.LastTerminationState.Terminated == nil {
			continue
		}
		ago := o.Time().Sub(st.LastTerminationState.Terminated.FinishedAt.Time)
		if err := lifecycle.Fatal(attach.Container{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Name: c.Name}, st.State.Waiting); err != nil && ago < againAfter {
			o.Report.Say("helper %s could not be started %s ago; another one is added after %s", c.Name, cluster.FormatDuration(max(0, ago.Truncate(time.Second))), cluster.FormatDuration(againAfter))
			return err
		}
	}
	return nil
}

// join waits for a helper that someone else is starting. again is true if it has exited since, or if the kubelet did
// not start it in time.
func (o helperOpener) join(ctx context.Context, t target.Target, plan Plan, name string) (s Session, again bool, err error) {
	s = reuse(t, plan, name)
	o.warnForeign(t.Pod, name)
	if podspec.Running(t.Pod, name) {
		s.Target = t
		return s, false, nil
	}
	o.Report.Say("helper %s is already starting; waiting for it", name)
	deps := o.Deps
	deps.Timeout /= 2
	pod, err := lifecycle.Wait(ctx, deps.Cluster, lifecycle.Starting{Container: at(&s), TargetID: t.ContainerID(), Target: t.Container})
	if err != nil {
		s.Running = false
		st, ok := podspec.Status(pod, name)
		_, late := errors.AsType[lifecycle.NotRunning](err)
		return s, ctx.Err() == nil && (late || ok && st.State.Terminated != nil), err
	}
	s.Target = target.Target{Pod: pod, Container: t.Container}
	return s, false, nil
}

// add sends the patch and waits for the helper. With first, the server refuses it if the pod has changed since the dry
// run.
func (o helperOpener) add(ctx context.Context, s *Session, t target.Target, plan Plan, found admission.Offer, first bool) error {
	plan.added = o.Time()
	change := o.helper(t, plan, s.Container, rbac.Who(ctx, o.Client), found.Candidate)
	if first && found.Pod != nil {
		change.Metadata = HelperPrecondition{ResourceVersion: found.Pod.ResourceVersion, UID: found.Pod.UID}
	}
	pod, err := o.patch(ctx, t, change)
	if err != nil {
		return attemptHelper(t, s.Container).Explain(err)
	}
	s.New = true
	made := podspec.MadeIn(pod, s.Container, found.Made)
	name := found.Name
	if made.Weaker(found.Security) {
		name = podspec.Describe(made.Security)
	}
	o.Report.Say("%s", addedLine(s.Container, s.Pod, name, o.exitOf(plan)))
	found.SayChanges(o.Cluster, made)
	o.sayEnded(t.Pod)
	pod, err = lifecycle.Wait(ctx, o.Cluster, lifecycle.Starting{Container: at(s), TargetID: t.ContainerID(), Target: t.Container})
	s.Running = err == nil
	if err == nil {
		s.Target = target.Target{Pod: pod, Container: t.Container}
	}
	return err
}

// screen is the narrowest terminal that a line is kept to.
const screen = 80

// addedLine says which helper was added, with which rights and until when: what fits into one line.
func addedLine(helper, pod, rights, exit string) string {
	rights = strings.NewReplacer(" with default capabilities", "", " without capabilities", ", no capabilities", " with ", ", ").Replace(rights)
	line := fmt.Sprintf("added helper %s to pod/%s", helper, pod)
	for _, more := range []string{rights + "; " + exit, rights} {
		if with := line + " (" + more + ")"; len(with) <= screen {
			return with
		}
	}
	return line
}

// sayDenied reports what a session cannot see of its target, if anything.
func (d Deps) sayDenied(s visibility) {
	if s.Text != "" {
		d.Report.Say("note: %s", s.Text)
	}
}

// manyEnded is the number of exited helpers that deserves a warning: a pod holds about 500 until it is too large for
// the API server.
const manyEnded = 50

func (o helperOpener) sayEnded(pod *corev1.Pod) {
	n := 0
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		if st, ok := podspec.Status(pod, c.Name); ok && podspec.IsHelper(c) && st.State.Terminated != nil {
			n++
		}
	}
	if n >= manyEnded {
		o.Report.Warn("pod/%s has %d helpers that exited: their entries stay until it is deleted, and a pod has room for about 500", pod.Name, n)
	}
}

// useExistingContainer looks for an ephemeral container of someone else that sees the target, if no helper is admitted:
// a policy may deny the pod because of a container that is already there.
func (o helperOpener) useExistingContainer(ctx context.Context, t target.Target, plan Plan, refused admission.Denial) (Session, error) {
	for _, c := range newestFirst(t.Pod) {
		if podspec.IsHelper(&c) || !plan.sees(t, &c) || !plan.request.Override.Empty() {
			continue
		}
		s := reuse(t, plan, c.Name)
		visible, err := look(ctx, o.Deps, t, s)
		if err != nil || plan.request.Access != podspec.SeeProcesses && visible.Denied {
			continue
		}
		o.Report.Say("admission denied a new helper; using existing container %s", c.Name)
		o.sayDenied(visible)
		return s, nil
	}
	return Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name}, refused
}

func (o helperOpener) patch(ctx context.Context, t target.Target, p HelperPatch, dryRun ...string) (*corev1.Pod, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode the helper: %w", err)
	}
	pod, err := o.Client.CoreV1().Pods(t.Pod.Namespace).Patch(ctx, t.Pod.Name, types.StrategicMergePatchType,
		body, metav1.PatchOptions{DryRun: dryRun}, "ephemeralcontainers")
	if apierrors.IsNotFound(err) {
		return nil, hint.With(fmt.Errorf("the pod was deleted, or this server lacks ephemeral containers (Kubernetes 1.25 or later): %w", err),
			fmt.Sprintf("kubectl shareproc debug %s --copy", t.Pod.Name))
	}
	return pod, err
}

// TryHelper checks in a dry run whether a helper with the security context of c is admitted, and how it is changed.
func TryHelper(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, a := helperOpener{d}, attemptHelper(t, podspec.NewName())
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, a.Container, "", c), admission.DryRun()...)
	})
}
