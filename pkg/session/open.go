// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Open carries out a plan and returns when commands can be run, with an error that carries the
// cluster's own words when that can't be, or with the cause when ctx ends. Where it made something
// that stays, it says so. The session of a plan to copy must be closed, also after an error.
func (o *Opener) Open(ctx context.Context, t target.Target, plan Plan) (Session, error) {
	switch plan.Way {
	case Reuse:
		s := reuse(t, plan, plan.Helper)
		if t.Pod.Spec.RuntimeClassName == nil {
			return s, nil
		}
		return s, o.together(ctx, s, t.Pod) // one that keeps containers apart is somebody's choice
	case Copy:
		return o.openCopy(ctx, t, plan)
	case Persist:
		return o.openPersistent(ctx, t, plan)
	default:
		return o.openHelper(ctx, t, plan)
	}
}

// reuse is the session in a container that runs already.
func reuse(t target.Target, plan Plan, container string) Session {
	return Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Container: container, View: plan.View, Running: true}
}

// suffix is what makes a name our own: five characters, as in names that the API server generates.
func suffix() string { return utilrand.String(5) }

// A refusal says that the cluster admits none of the security contexts that were tried.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// admitted returns the first candidate that try, a server-side dry run, lets through. Every admission
// plugin and webhook has a say in that, so nobody has to know which policy a cluster runs. Where it refuses all of
// them the error is a refusal.
func (o *Opener) admitted(what string, ladder []podspec.Candidate, try func(podspec.Candidate) error) (podspec.Candidate, error) {
	var refusals []error
	for i, c := range ladder {
		err := try(c)
		if err == nil {
			if i > 0 {
				o.Say("the cluster refuses %s; next best: %s", ladder[0].Name, c.Name)
			}
			return c, nil
		}
		if !refused(err) {
			return c, fmt.Errorf("%s: %w", what, err)
		}
		refusals = append(refusals, fmt.Errorf("as %s: %w", c.Name, err))
	}
	return podspec.Candidate{}, refusal{hint.With(fmt.Errorf("%s: the cluster refuses every security context: %w", what, errors.Join(refusals...)),
		"a copy (kubectl shareproc debug POD --copy), if another namespace's policy or yours admits one; "+
			"or ask the cluster's administrators for an exception")}
}

// refused tells an answer that another security context might change (admission says 400, 403 or 422,
// a webhook any other 4xx) from one that it would not.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests:
		return false
	default:
		return code >= 400 && code < 500
	}
}

// nameFor is a name for a copy of pod: short enough to be a host name.
func nameFor(pod string) string {
	const room = 63 - len("-shareproc-") - 5
	if len(pod) > room {
		pod = strings.TrimRight(pod[:room], "-.")
	}
	return pod + "-shareproc-" + suffix()
}
