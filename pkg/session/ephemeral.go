// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
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

// Helper builds the change that adds a helper beside the target with the security context of c.
func (o *Opener) Helper(t target.Target, view View, name string, c podspec.Candidate) HelperPatch {
	var p HelperPatch
	p.Spec.EphemeralContainers = []corev1.EphemeralContainer{podspec.Helper{
		Name:       name,
		Image:      o.Image,
		PullPolicy: o.PullPolicy,
		Target:     view.Container,
		Keep:       o.Keep,
		Security:   c.Security,
	}.Ephemeral()}
	return p
}

// PlanHelper returns the change that Open would send for a plan with an ephemeral helper. With ask the
// API server decides the security context in a dry run; else it is the first of the ladder.
func (o *Opener) PlanHelper(ctx context.Context, t target.Target, plan Plan, ask bool) (HelperPatch, error) {
	name := podspec.NamePrefix + suffix()
	candidates := ladder(t)
	if !ask {
		return o.Helper(t, plan.View, name, candidates[0]), nil
	}
	c, err := o.admittedHelper(ctx, t, plan.View, name, candidates)
	return o.Helper(t, plan.View, name, c), err
}

func (o *Opener) admittedHelper(ctx context.Context, t target.Target, view View, name string, ladder []podspec.Candidate) (podspec.Candidate, error) {
	return o.admitted("add a helper to pod/"+t.Pod.Name, ladder, func(c podspec.Candidate) error {
		return o.patch(ctx, t, o.Helper(t, view, name, c), metav1.DryRunAll)
	})
}

func (o *Opener) openHelper(ctx context.Context, t target.Target, s Session) (Session, error) {
	ns := t.Pod.Namespace
	if err := o.mustBeAllowed(ctx, ns, patchEphemeral, createExec); err != nil {
		return s, err
	}
	s.Container = podspec.NamePrefix + suffix()
	c, err := o.admittedHelper(ctx, t, s.View, s.Container, ladder(t))
	if err != nil {
		return s, err
	}
	if err := o.patch(ctx, t, o.Helper(t, s.View, s.Container, c)); err != nil {
		return s, fmt.Errorf("add a helper to pod/%s: %w", s.Pod, err)
	}
	s.New = true
	o.Say("added helper %s (%s) to pod/%s; nothing restarts, and %s", s.Container, c.Name, s.Pod, o.Ending())
	return s, o.wait(ctx, waitFor{session: s, targetID: t.ContainerID(), target: t.Container})
}

func (o *Opener) patch(ctx context.Context, t target.Target, p HelperPatch, dryRun ...string) error {
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
