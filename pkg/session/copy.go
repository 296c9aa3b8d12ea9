// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// closeTime bounds the clean-up of a session whose own context has ended: a user who pressed Ctrl-C
// waits for it.
const closeTime = 1500 * time.Millisecond

// copyOf builds the copy of the target's pod with the security context of c for its shell, and tells
// the shell's name.
func (o *Opener) copyOf(t target.Target, plan Plan, name, by string, c podspec.Candidate) (*corev1.Pod, string) {
	return o.copying(t, plan, name, by, c).Of(t.Pod)
}

func (o *Opener) copying(t target.Target, plan Plan, name, by string, c podspec.Candidate) podspec.Copy {
	made := podspec.Copy{
		Name: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, TTL: o.TTL, By: by, Edits: plan.wanted.Edits,
	}
	if plan.wanted.Hold {
		made.Hold = t.Container
	}
	return made
}

// PlanCopy returns the pod that Open would create for a plan to copy. With ask the API server decides
// the shell's security context in a dry run; else it is the first of the ladder.
func (o *Opener) PlanCopy(ctx context.Context, t target.Target, plan Plan, ask bool) (*corev1.Pod, error) {
	name := nameFor(t.Pod.Name)
	if !ask {
		pod, _ := o.copyOf(t, plan, name, "", plan.Ladder[0])
		return pod, nil
	}
	c, err := o.admittedCopy(ctx, t, plan, name)
	pod, _ := o.copyOf(t, plan, name, o.who(ctx), c)
	return pod, err
}

func (o *Opener) admittedCopy(ctx context.Context, t target.Target, plan Plan, name string) (podspec.Candidate, error) {
	return o.admitted("copy pod/"+t.Pod.Name, plan.Ladder, func(c podspec.Candidate) error {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return o.dryCreate(pod)(ctx)
	})
}

func (o *Opener) openCopy(ctx context.Context, t target.Target, plan Plan) (s Session, err error) {
	defer crash.Into(&err) // what is made must be closed after a panic too
	ns := t.Pod.Namespace
	if err := o.prepare(ctx, t.Pod, getPods, createPods, deletePods, createExec); err != nil {
		return Session{}, err
	}
	// The name is chosen here and not by the server, so that a create whose answer was lost can
	// still be undone.
	s = Session{Namespace: ns, Pod: nameFor(t.Pod.Name)}
	c, err := o.admittedCopy(ctx, t, plan, s.Pod)
	if err != nil {
		return s, err
	}
	pod, shell := o.copyOf(t, plan, s.Pod, o.who(ctx), c)
	if err := o.tellOfCopy(ctx, o.copying(t, plan, s.Pod, "", c), t.Pod); err != nil {
		return s, err
	}
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	s.Container, s.New, s.Copy = shell, true, true
	if plan.wanted.Hold {
		s.Container, s.Tools = t.Container, podspec.ToolsFolder
	}
	created, err := o.Client.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return s, fmt.Errorf("create pod/%s: %w", s.Pod, err)
	}
	s.podUID = string(created.UID)
	o.Say("created pod/%s, a copy of pod/%s with one process namespace; the cluster ends it after %s at the latest",
		s.Pod, t.Pod.Name, brief(o.TTL))
	if err := shares(&created.Spec); err != nil {
		return s, fmt.Errorf("create pod/%s: %w", s.Pod, err)
	}
	tidied := o.tidy(ctx, ns)
	err = o.wait(ctx, waitFor{session: s})
	<-tidied
	s.Running = err == nil
	if err != nil || plan.wanted.Hold {
		return s, err // a held container's shell is in it, whatever it shares
	}
	return s, o.together(ctx, s, t.Pod)
}

// Close ends what only this session needs: it deletes the copy, or puts the template back. A helper is left to others who may be
// using it; it ends by itself. Close works after ctx has ended, within closeTime.
func (o *Opener) Close(ctx context.Context, s Session) error {
	if s.Patched != nil {
		return o.closePatch(ctx, s)
	}
	if !s.Copy {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	deleted, err := o.deleteCopy(ctx, s.Namespace, s.Pod, types.UID(s.podUID))
	if err != nil {
		return hint.With(err, fmt.Sprintf("kubectl delete pod -n %s %s; the cluster ends it after %s", s.Namespace, s.Pod, brief(o.TTL)))
	}
	if deleted {
		o.Say("deleted pod/%s", s.Pod)
	}
	return nil
}
