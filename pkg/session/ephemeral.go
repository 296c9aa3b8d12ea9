// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// HelperPatch is the change that adds a helper, as it is sent (a strategic merge patch of the
// pods/ephemeralcontainers subresource).
type HelperPatch struct {
	Metadata HelperPrecondition `json:"metadata,omitzero"`
	Spec     struct {
		EphemeralContainers []corev1.EphemeralContainer `json:"ephemeralContainers"`
	} `json:"spec"`
}

// HelperPrecondition makes the server refuse the change of a pod that is not as it was read (409, Conflict): of two who add
// a helper in the same moment one is second, and finds the other's.
type HelperPrecondition struct {
	ResourceVersion string    `json:"resourceVersion,omitempty"`
	UID             types.UID `json:"uid,omitempty"`
}

// helperOpener adds helpers to running pods.
type helperOpener struct{ Deps }

// helper builds the change that adds a helper beside the target with the security context of c.
func (o helperOpener) helper(t target.Target, plan Plan, name, by string, c podspec.Candidate) HelperPatch {
	h := podspec.Helper{
		Name:       name,
		Image:      o.Image,
		PullPolicy: o.PullPolicy,
		Target:     plan.View.Container,
		Keep:       o.Keep,
		Security:   c.Security,
		Access:     plan.request.Access,
		Container:  t.Container,
		By:         by,
		Persistent: plan.request.Persist,
	}
	if !plan.request.Override.Empty() || plan.request.AnyProcess && plan.request.TargetUser != nil {
		// It is not what the cluster admits for the target.
		h.Access = ""
	}
	var p HelperPatch
	p.Spec.EphemeralContainers = []corev1.EphemeralContainer{h.Ephemeral()}
	return p
}

// PlanHelper returns the change that Open would send for a plan with an ephemeral helper. With ask the
// API server decides the security context in a dry run; else it is the first of the candidates.
func PlanHelper(ctx context.Context, o Deps, t target.Target, plan Plan, ask bool) (HelperPatch, error) {
	name := podspec.NamePrefix + suffix()
	if !ask {
		return helperOpener{o}.helper(t, plan, name, "", plan.Candidates[0]), nil
	}
	found, err := (helperOpener{o}).admittedHelper(ctx, t, plan, name)
	return helperOpener{o}.helper(t, plan, name, Who(ctx, o.Client), found.Candidate), err
}

func attemptHelper(t target.Target, name string) attempt {
	return attempt{
		mode: Ephemeral, namespace: t.Pod.Namespace, pod: t.Pod.Name, what: "add a helper to pod/" + t.Pod.Name, container: name, spec: &t.Pod.Spec,
	}
}

func (o helperOpener) admittedHelper(ctx context.Context, t target.Target, plan Plan, name string) (offer, error) {
	return attemptHelper(t, name).admitted(o.Deps, plan.Candidates, func(c podspec.Candidate) (*corev1.Pod, error) {
		return o.patch(ctx, t, o.helper(t, plan, name, "", c), dryRun...)
	})
}

// openHelper adds a helper, and looks whether it sees what it should. Where the target turns out to be somebody else than
// the API said, or to have changed its user, one more is added, with the right ids.
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
	if refused, ok := errors.AsType[refusal](err); ok {
		return o.useExistingContainer(ctx, t, plan, refused)
	}
	if err != nil || !s.New {
		return s, err
	}
	sight, err := look(ctx, o.Deps, t, s)
	if err != nil {
		return s, fmt.Errorf("look through helper %s: %w", s.Container, err)
	}
	if sight.Alone {
		return s, errIsolated(s, t.Pod)
	}
	better := plan.after(sight, c)
	if !sight.Denied || len(better.Candidates) == 0 {
		o.Report.Say("%s", sight.Text)
		return s, nil
	}
	o.Report.Say("%s does not open the files of container %s, whose first process is of user %d:%d; one more helper may",
		s.Container, t.Container, sight.TargetUser.User.UID, sight.TargetUser.User.GID)
	t = s.Target
	second, _, err := o.start(ctx, t, better)
	refused, ok := errors.AsType[refusal](err)
	switch {
	case ok:
		o.Report.Say("%v", refused)
	case err != nil:
		return second, err
	case second.Container == s.Container:
		o.Report.Say("the cluster's admission makes the same of every other helper")
	case !second.New:
		return second, nil
	default:
		s = second
		if sight, err = look(ctx, o.Deps, t, s); err != nil {
			return s, fmt.Errorf("look through helper %s: %w", s.Container, err)
		}
	}
	o.Report.Say("%s", sight.Text)
	return s, nil
}

// after is the plan for one more helper: for whom the first one saw, without the security context that did not do. Its
// candidates is empty where the plan's own need does not ask for another.
func (p Plan) after(sight Sight, tried podspec.Candidate) Plan {
	access := p.request.Access
	p.TargetUser = sight.TargetUser
	p.Candidates = nil
	if access != podspec.ReadRoot && access != podspec.ReadAll && access != podspec.Chroot || !p.request.Override.Empty() {
		return p
	}
	for _, c := range p.possible(access) {
		if !podspec.EqualSecurityContext(c.Security, tried.Security) && podspec.Meets(c.Security, p.TargetUser, podspec.ReadRoot) {
			p.Candidates = append(p.Candidates, c)
		}
	}
	return p
}

// helperTries is how often a helper is asked for because the pod has changed since, as its status often does.
const helperTries = 20

// start adds one helper and waits until it runs. One that is, or becomes by the cluster's admission, of the same security
// context is used instead, also where somebody is starting it: it is awaited.
func (o helperOpener) start(ctx context.Context, t target.Target, plan Plan) (Session, podspec.Candidate, error) {
	s := reuse(t, plan, podspec.NamePrefix+suffix())
	s.Running = false
	var passed []string // helpers that were awaited and did not start
	for try := 1; ; try++ {
		found, err := o.admittedHelper(ctx, t, plan, s.Container)
		if err != nil {
			return s, found.Candidate, err
		}
		if found.pod != nil && found.pod.Name == t.Pod.Name {
			t.Pod = found.pod
		}
		passed = append(passed, s.Container)
		if name, ok := plan.equalHelper(t, found.made, passed); ok && plan.Mode != Persist {
			joined, again, err := o.join(ctx, t, plan, name)
			if !again {
				return joined, found.Candidate, err
			}
			passed = append(passed, name)
			continue
		}
		err = o.add(ctx, &s, t, plan, found, try < helperTries)
		if !s.New && apierrors.IsConflict(err) && try < helperTries {
			plan.Candidates = []podspec.Candidate{found.Candidate}
			continue
		}
		return s, found.Candidate, err
	}
}

// join waits for a helper that somebody else is starting. Again tells that it is of no use: it has ended since, or the
// kubelet has said nothing of it for long.
func (o helperOpener) join(ctx context.Context, t target.Target, plan Plan, name string) (s Session, again bool, err error) {
	s = reuse(t, plan, name)
	if running(t.Pod, name) {
		s.Target = t
		return s, false, nil
	}
	o.Report.Say("helper %s is being started already; waiting for it", name)
	deps := o.Deps
	deps.Timeout /= 2
	pod, err := wait(ctx, deps, waitFor{session: s, targetID: t.ContainerID(), target: t.Container})
	if err != nil {
		s.Running = false
		st, ok := podspec.Status(pod, name)
		_, late := errors.AsType[notRunning](err)
		return s, ctx.Err() == nil && (late || ok && st.State.Terminated != nil), err
	}
	s.Target = target.Target{Pod: pod, Container: t.Container}
	return s, false, nil
}

// add sends the change and waits for the helper. First makes the server refuse it where the pod is not as it was asked about.
func (o helperOpener) add(ctx context.Context, s *Session, t target.Target, plan Plan, found offer, first bool) error {
	change := o.helper(t, plan, s.Container, Who(ctx, o.Client), found.Candidate)
	if first && found.pod != nil {
		change.Metadata = HelperPrecondition{ResourceVersion: found.pod.ResourceVersion, UID: found.pod.UID}
	}
	pod, err := o.patch(ctx, t, change)
	if err != nil {
		return attemptHelper(t, s.Container).explain(err)
	}
	s.New = true
	made := podspec.MadeIn(pod, s.Container, found.made)
	name := found.Name
	if made.Lesser(found.Security) {
		name = podspec.Describe(made.Security)
	}
	o.Report.Say("added helper %s (%s) to pod/%s; nothing restarts, and %s", s.Container, name, s.Pod, o.ending(plan))
	o.sayChanges(found.Candidate, made)
	o.sayEnded(t.Pod)
	pod, err = wait(ctx, o.Deps, waitFor{session: *s, targetID: t.ContainerID(), target: t.Container})
	s.Running = err == nil
	if err == nil {
		s.Target = target.Target{Pod: pod, Container: t.Container}
	}
	return err
}

// manyEnded is the number of ended helpers from which on a pod's are worth a word: it holds about 500 until its object is too
// large for the API server.
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
		o.Report.Warn("pod/%s has the entries of %d helpers that have ended; they go with the pod, which has room for about 500", pod.Name, n)
	}
}

// useExistingContainer looks for somebody else's ephemeral container that sees the target, where the cluster admits none of ours: as
// when one that is there already violates today's policy, which is asked about the pod as a whole.
func (o helperOpener) useExistingContainer(ctx context.Context, t target.Target, plan Plan, refused refusal) (Session, error) {
	for _, c := range newestFirst(t.Pod) {
		if podspec.IsHelper(&c) || !plan.sees(t, &c) || !plan.request.Override.Empty() {
			continue
		}
		s := reuse(t, plan, c.Name)
		sight, err := look(ctx, o.Deps, t, s)
		if err != nil || plan.request.Access != podspec.SeeProcesses && sight.Denied {
			continue
		}
		o.Report.Say("the cluster admits no helper of ours; using container %s, which somebody added before: %s", c.Name, sight.Text)
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
		return nil, hint.With(fmt.Errorf("the pod is gone, or this server has no ephemeral containers (Kubernetes 1.25 has): %w", err),
			fmt.Sprintf("kubectl shareproc debug %s --copy", t.Pod.Name))
	}
	return pod, err
}
