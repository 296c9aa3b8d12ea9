// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Close ends what only this session needs: it deletes a copy, or restores a patched template. A helper is left to others
// who may be using it; it ends by itself. Close works after ctx has ended, within a bounded time.
func (s *Session) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	d := s.deps
	if s.Patched != nil {
		return workloads{d}.closePatch(ctx, *s)
	}
	if s.Copy {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		deleted, err := deleteCopy(ctx, d, s.Namespace, s.Pod, types.UID(s.podUID))
		if err != nil {
			return hint.With(err, fmt.Sprintf("kubectl delete pod -n %s %s; the cluster ends it after %s", s.Namespace, s.Pod, brief(d.TTL)))
		}
		if deleted {
			d.Report.Say("deleted pod/%s", s.Pod)
		}
		return nil
	}
	switch {
	case s.Keep > 0:
	case ctx.Err() != nil && (s.Running || s.New):
		d.Report.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, %s", s.Pod, s.Container, d.ending())
	case s.New && !s.Running:
		d.Report.Say("left in pod/%s: helper %s, which never ran; an ephemeral container can't be removed, its entry goes with the pod",
			s.Pod, s.Container)
	}
	return nil
}

// CloseInto is Close for a defer: its error counts only where there is no other, and is told in any case. Of an error that
// came of the end of the session's container, that end alone is left.
func (s *Session) CloseInto(ctx context.Context, err *error) {
	if ended, ok := errors.AsType[endedError](*err); ok {
		*err = hint.With(ended, hint.Of(*err))
	}
	switch closing := s.Close(ctx); {
	case closing == nil:
	case *err == nil:
		*err = closing
	default:
		s.deps.Report.Say("%v; %s", closing, hint.Of(closing))
	}
}
