// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Verdict is the answer to a question; it may be unknown.
type Verdict string

// The verdicts.
const (
	Yes     Verdict = "yes"
	No      Verdict = "no"
	Unknown Verdict = "unknown"
)

// Purpose is what a permission is needed for, or a pod is asked about.
type Purpose string

// The purposes. ForPod is a test pod, which stands for helpers and copies if no pod is named.
const (
	ForHelper Purpose = "helper"
	// ForRoot is a helper that can use the root of the target as /.
	ForRoot     Purpose = "root"
	ForCopy     Purpose = "copy"
	ForPatch    Purpose = "patch"
	ForWorkload Purpose = "workload"
	ForSessions Purpose = "sessions"
	// ForAttach is debug --persist and attach.
	ForAttach Purpose = "attach"
	// ForWebSocket saves a rejected request per exec, before the fallback to SPDY.
	ForWebSocket Purpose = "websocket"
	ForPod       Purpose = "pod"
)

// Permission is a kind of request, and whether the user may make it.
type Permission struct {
	For  []Purpose `json:"neededFor"`
	Verb string    `json:"verb"`
	// Resource includes the subresource after a slash, as in a Role.
	Group    string `json:"apiGroup"`
	Resource string `json:"resource"`
	// Name is the only object that it applies to; "" for any.
	Name string `json:"resourceName,omitempty"`
	// Needed is true if the mode that was asked about does not work without it.
	Needed  bool    `json:"required"`
	Allowed Verdict `json:"allowed"`
	// Reason is that of the server, if it gives one.
	Reason string `json:"reason,omitempty"`

	// leads is true if finding the pod needs it.
	leads bool
}

// neededFor reports whether a mode does not work without it.
func (p Permission) neededFor(purpose Purpose) bool {
	if purpose == ForRoot {
		purpose = ForHelper
	}
	return p.leads || slices.Contains(p.For, purpose)
}

func (p Permission) String() string {
	return p.Verb + " " + strings.TrimSuffix(p.Resource+"."+p.Group, ".")
}

func (p Permission) is(verb, group, resource string) bool {
	return p.Verb == verb && p.Group == group && p.Resource == resource
}

// permissions lists what each mode needs. Needed are those of the purpose, and those for finding the pod.
func permissions(purpose Purpose, requests []authv1.ResourceAttributes) []Permission {
	const apps = "apps"
	var list []Permission
	add := func(r authv1.ResourceAttributes, purposes ...Purpose) {
		i := slices.IndexFunc(list, func(p Permission) bool { return p.is(r.Verb, r.Group, rbac.Resource(r)) })
		if i < 0 {
			list = append(list, Permission{Verb: r.Verb, Group: r.Group, Resource: rbac.Resource(r)})
			i = len(list) - 1
		}
		list[i].For = append(list[i].For, purposes...)
	}
	modes := func(purpose Purpose, mode session.Mode) {
		for _, r := range mode.Requirements() {
			add(r, purpose)
		}
	}
	modes(ForHelper, session.Ephemeral)
	// A WebSocket is a GET; since Kubernetes 1.35 it needs create as well.
	add(rbac.Rule("get", "pods/exec"), ForWebSocket)
	add(rbac.Rule("create", "pods/attach"), ForAttach)
	modes(ForCopy, session.Copy)
	add(rbac.Rule("list", "pods"), ForWorkload, ForSessions)
	modes(ForPatch, session.Patch)
	for _, kind := range target.WorkloadKinds() {
		resource := target.Workload{Kind: kind}.Plural() + "." + apps
		add(rbac.Rule("get", resource), ForWorkload, ForPatch)
		add(rbac.Rule("patch", resource), ForPatch)
	}
	add(rbac.Rule("get", "replicasets."+apps), ForWorkload)
	add(rbac.Rule("get", "jobs.batch"), ForWorkload)
	for _, r := range requests {
		add(r)
		i := slices.IndexFunc(list, func(p Permission) bool { return p.is(r.Verb, r.Group, rbac.Resource(r)) })
		if list[i].leads = true; len(list[i].For) == 0 {
			list[i].For = []Purpose{ForWorkload}
		}
	}
	for i := range list {
		list[i].Needed = list[i].neededFor(purpose)
	}
	return list
}

// named limits the list for a helper to one pod. The names of copies and of patched pods are not known yet.
func named(list []Permission, purpose Purpose, ref target.Ref) []Permission {
	pod, err := target.ParseName(ref.Arg)
	if err != nil || ref.Arg == "" || purpose != ForHelper && purpose != ForRoot {
		return list
	}
	for i := range list {
		if p := &list[i]; p.Group == "" && strings.HasPrefix(p.Resource, "pods") {
			p.Name = rbac.Named(rbac.Rule(p.Verb, p.Resource), pod).Name
		}
	}
	return list
}

// forWorkload limits the list to the patch of one workload, without the permissions for other kinds.
func forWorkload(list []Permission, purpose Purpose, w target.Workload) []Permission {
	for i := range list {
		if p := &list[i]; p.Group == "apps" && slices.Contains(p.For, ForPatch) && p.Resource != w.Plural() {
			p.For = slices.DeleteFunc(slices.Clone(p.For), func(f Purpose) bool { return f == ForPatch })
			p.Needed = p.neededFor(purpose)
		}
	}
	return slices.DeleteFunc(list, func(p Permission) bool { return len(p.For) == 0 })
}

// review fills in the answers, all requested at once. It returns an error if the server answers none.
func (e examiner) review(ctx context.Context, namespace string, list []Permission) error {
	failed := make([]error, len(list))
	asked := crash.NewGroup(ctx)
	for i := range list {
		asked.Go(func() { failed[i] = e.reviewOne(ctx, namespace, &list[i]) })
	}
	asked.Wait()
	for i, err := range failed {
		if err == nil || answered(err) {
			return nil
		}
		failed[i] = fmt.Errorf("check permission to %s: %w", list[i], err)
	}
	return failed[0]
}

func (e examiner) reviewOne(ctx context.Context, namespace string, p *Permission) error {
	status, err := bounded(ctx, func(ctx context.Context) (authv1.SubjectAccessReviewStatus, error) {
		rule := rbac.Rule(p.Verb, strings.TrimSuffix(p.Resource+"."+p.Group, "."))
		rule.Name = p.Name
		return rbac.Review(ctx, e.Client, namespace, rule)
	})
	if err != nil {
		p.Allowed, p.Reason = Unknown, err.Error()
		return err
	}
	p.Allowed, p.Reason = No, status.Reason
	if status.Allowed {
		p.Allowed = Yes
	}
	if p.Reason == "" {
		p.Reason = status.EvaluationError
	}
	return nil
}

// answered reports whether an error is an answer of the server to an authenticated user.
func answered(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && !apierrors.IsUnauthorized(err)
}

// answerTime bounds each request: a hanging server is something that doctor should report.
const answerTime = 10 * time.Second

var errNoAnswer = fmt.Errorf("no answer within %s", answerTime)

// bounded makes one request. Its error is the cause if ctx has ended.
func bounded[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
	defer cancel()
	answer, err := ask(ctx)
	switch {
	case err == nil, ctx.Err() == nil, errors.Is(err, errNoAnswer):
		return answer, err
	case errors.Is(context.Cause(ctx), errNoAnswer):
		return answer, fmt.Errorf("%w: %w", errNoAnswer, err)
	default:
		return answer, context.Cause(ctx)
	}
}
