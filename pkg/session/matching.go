// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// openMatch adds a helper with the privileges of the target, although one with more is running. That one reports the
// user of the target first, and is used itself if no matching helper can be added or has access.
func (o helperOpener) openMatch(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	fallback := func(why string) (Session, error) {
		o.Report.Say("%s", plan.describeFallback(why))
		return execute(ctx, o.Deps, t, plan.reusing(plan.Fallback))
	}
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, err
	}
	o.Deps = deps
	if plan.request.TargetUser == nil {
		running := reuse(t, plan, plan.Fallback)
		visible, err := look(ctx, o.Deps, t, running)
		switch {
		case err != nil:
			return running, fmt.Errorf("check access of helper %s: %w", plan.Fallback, err)
		case visible.Isolated:
			return running, errIsolated(running, t.Pod)
		}
		plan.TargetUser = visible.TargetUser
	}
	if plan.Candidates = podspec.Matching(plan.TargetUser); len(plan.Candidates) == 0 {
		return execute(ctx, o.Deps, t, plan.reusing(plan.Fallback))
	}
	s, _, err := o.start(ctx, t, plan)
	if _, ok := errors.AsType[admission.Denial](err); ok {
		return fallback("helper as " + plan.Candidates[0].Name + " denied by admission")
	}
	if err != nil || !s.New {
		return s, err
	}
	visible, err := look(ctx, o.Deps, t, s)
	switch {
	case err != nil:
		return s, fmt.Errorf("check access of helper %s: %w", s.Container, err)
	case visible.Denied && plan.request.TargetUser == nil:
		return fallback("helper " + s.Container + " cannot read the files of container " + t.Container)
	}
	o.sayDenied(visible)
	return s, nil
}
