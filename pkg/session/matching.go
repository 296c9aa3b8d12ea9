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
func (o helperOpener) openMatch(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	fallback := func(why string) (Session, error) {
		o.Report.Say("%s", plan.withFallback(why))
		return carryOut(ctx, o.Deps, t, plan.using(plan.Fallback))
	}
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, err
	}
	o.Deps = deps
	if plan.request.TargetUser == nil {
		running := reuse(t, plan, plan.Fallback)
		sight, err := look(ctx, o.Deps, t, running)
		switch {
		case err != nil:
			return running, fmt.Errorf("look through helper %s: %w", plan.Fallback, err)
		case sight.Alone:
			return running, errIsolated(running, t.Pod)
		}
		plan.TargetUser = sight.TargetUser
	}
	if plan.Candidates = podspec.Matching(plan.TargetUser); len(plan.Candidates) == 0 {
		return carryOut(ctx, o.Deps, t, plan.using(plan.Fallback))
	}
	s, _, err := o.start(ctx, t, plan)
	if _, ok := errors.AsType[refusal](err); ok {
		return fallback("the cluster refuses a helper as " + plan.Candidates[0].Name)
	}
	if err != nil || !s.New {
		return s, err
	}
	sight, err := look(ctx, o.Deps, t, s)
	switch {
	case err != nil:
		return s, fmt.Errorf("look through helper %s: %w", s.Container, err)
	case sight.Denied && plan.request.TargetUser == nil:
		return fallback(s.Container + " does not open the files of container " + t.Container)
	}
	o.Report.Say("%s", sight.Text)
	return s, nil
}
