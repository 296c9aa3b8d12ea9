// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// openMatch adds a helper with the target's own rights, where one with more runs. That one says first whose they are, and
// is used itself where the target opens to no other, or where no other is admitted or may be added.
func (o *Opener) openMatch(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	fallback := func(why string) (Session, error) {
		o.Say("%s; helper %s, which has more rights than the target, reads and writes its files", why, plan.Fallback)
		return o.Open(ctx, t, plan.using(plan.Fallback))
	}
	err := o.prepare(ctx, t.Pod, getPods, patchEphemeral, createExec)
	if lack, ok := errors.AsType[lackError](err); ok && len(lack.missing) == 1 && lack.missing[0] == patchEphemeral {
		return fallback("you may not add another helper to pod/" + t.Pod.Name)
	}
	if err != nil {
		return Session{}, err
	}
	if plan.wanted.Subject == nil {
		running := reuse(t, plan, plan.Fallback)
		sight, err := o.Look(ctx, running)
		switch {
		case err != nil:
			return running, fmt.Errorf("look through helper %s: %w", plan.Fallback, err)
		case sight.Alone:
			return running, apart(running, t.Pod)
		}
		plan.Subject = sight.Subject
	}
	if plan.Ladder = podspec.Matching(plan.Subject); len(plan.Ladder) == 0 {
		return o.Open(ctx, t, plan.using(plan.Fallback))
	}
	s, _, err := o.start(ctx, t, plan)
	if _, ok := errors.AsType[refusal](err); ok {
		return fallback("the cluster refuses a helper as " + plan.Ladder[0].Name)
	}
	if err != nil || !s.New {
		return s, err
	}
	sight, err := o.Look(ctx, s)
	switch {
	case err != nil:
		return s, fmt.Errorf("look through helper %s: %w", s.Container, err)
	case sight.Denied && plan.wanted.Subject == nil:
		return fallback(s.Container + " does not open the files of container " + t.Container)
	}
	o.Say("%s", sight.Text)
	return s, nil
}
