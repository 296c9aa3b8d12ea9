// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
)

// Close deletes a copy or restores a patched template, also after ctx has ended. Helpers stay: others may be using them.
func (s *Session) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	d := s.deps
	if s.Patched != nil {
		return s.Patched.Close(ctx, d.Cluster, s.Running)
	}
	if s.Copy {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		deleted, err := inventory.DeleteCopy(ctx, d.Cluster, s.Namespace, s.Pod, types.UID(s.podUID))
		if err != nil {
			return hint.With(err, fmt.Sprintf("run kubectl delete pod -n %s %s; otherwise the cluster terminates it after %s", s.Namespace, s.Pod, cluster.FormatDuration(d.TTL)))
		}
		if deleted {
			d.Report.Say("pod/%s deleted", s.Pod)
		}
		return nil
	}
	switch {
	case s.Keep > 0:
	case ctx.Err() != nil && (s.Running || s.New):
		d.Report.Say("left helper %s in pod/%s: ephemeral containers cannot be removed; it %s", s.Container, s.Pod, d.IdleExit())
	case s.New && !s.Running:
		d.Report.Say("helper %s in pod/%s never started; its entry goes with the pod",
			s.Container, s.Pod)
	}
	return nil
}

// CloseInto is Close for a defer: its error is returned only if there is no other, and reported otherwise. If the
// container of the session ended, that error replaces those that followed from it.
func (s *Session) CloseInto(ctx context.Context, err *error) {
	if ended, ok := errors.AsType[lifecycle.EndedError](*err); ok {
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
