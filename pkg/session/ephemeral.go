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
	Spec struct {
		EphemeralContainers []corev1.EphemeralContainer `json:"ephemeralContainers"`
	} `json:"spec"`
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
	c, err := (helperOpener{o}).admittedHelper(ctx, t, plan, name)
	return helperOpener{o}.helper(t, plan, name, Who(ctx, o.Client), c), err
}

func (o helperOpener) admittedHelper(ctx context.Context, t target.Target, plan Plan, name string) (podspec.Candidate, error) {
	return admitted(o.Deps, "add a helper to pod/"+t.Pod.Name, plan.Candidates, func(c podspec.Candidate) error {
		return o.patch(ctx, t, o.helper(t, plan, name, "", c), metav1.DryRunAll)
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
	second, _, err := o.start(ctx, t, better)
	if refused, ok := errors.AsType[refusal](err); ok {
		o.Report.Say("%v", refused)
		o.Report.Say("%s", sight.Text)
		return s, nil
	}
	if err != nil || !second.New {
		return second, err
	}
	if sight, err = look(ctx, o.Deps, t, second); err != nil {
		return second, fmt.Errorf("look through helper %s: %w", second.Container, err)
	}
	o.Report.Say("%s", sight.Text)
	return second, nil
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
	for _, c := range podspec.Candidates(p.TargetUser, access) {
		if !podspec.EqualSecurityContext(c.Security, tried.Security) && podspec.Meets(c.Security, p.TargetUser, podspec.ReadRoot) {
			p.Candidates = append(p.Candidates, c)
		}
	}
	return p
}

// start adds one helper and waits until it runs. A running one of the same security context is used instead.
func (o helperOpener) start(ctx context.Context, t target.Target, plan Plan) (Session, podspec.Candidate, error) {
	s := reuse(t, plan, podspec.NamePrefix+suffix())
	s.Running = false
	c, err := o.admittedHelper(ctx, t, plan, s.Container)
	if err != nil {
		return s, c, err
	}
	if name, ok := plan.equalHelper(t, o.Image, c.Security); ok && plan.Mode != Persist {
		return reuse(t, plan, name), c, nil
	}
	if err := o.patch(ctx, t, o.helper(t, plan, s.Container, Who(ctx, o.Client), c)); err != nil {
		return s, c, fmt.Errorf("add a helper to pod/%s: %w", s.Pod, err)
	}
	s.New = true
	o.Report.Say("added helper %s (%s) to pod/%s; nothing restarts, and %s", s.Container, c.Name, s.Pod, o.ending(plan))
	err = wait(ctx, o.Deps, waitFor{session: s, targetID: t.ContainerID(), target: t.Container})
	s.Running = err == nil
	return s, c, err
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

func (o helperOpener) patch(ctx context.Context, t target.Target, p HelperPatch, dryRun ...string) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the helper: %w", err)
	}
	_, err = o.Client.CoreV1().Pods(t.Pod.Namespace).Patch(ctx, t.Pod.Name, types.StrategicMergePatchType,
		body, metav1.PatchOptions{DryRun: dryRun}, "ephemeralcontainers")
	if apierrors.IsNotFound(err) {
		return hint.With(fmt.Errorf("the pod is gone, or this server has no ephemeral containers (Kubernetes 1.25 has): %w", err),
			fmt.Sprintf("kubectl shareproc debug %s --copy", t.Pod.Name))
	}
	return err
}
