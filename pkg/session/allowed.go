// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"strings"

	authnv1 "k8s.io/api/authentication/v1"
	authv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// rule is one permission. A resource of another group than the core one has that behind a dot (deployments.apps).
type rule struct{ verb, resource, subresource string }

var (
	patchEphemeral = rule{"patch", "pods", "ephemeralcontainers"}
	createExec     = rule{"create", "pods", "exec"}
	createPods     = rule{"create", "pods", ""}
	deletePods     = rule{"delete", "pods", ""}
	getPods        = rule{"get", "pods", ""}
	listPods       = rule{"list", "pods", ""}
)

func (r rule) String() string {
	return strings.TrimSuffix(r.resource+"/"+r.subresource, "/")
}

// yaml is the rule as it stands in a Role.
func (r rule) yaml() string {
	resource, group, _ := strings.Cut(r.String(), ".")
	return fmt.Sprintf("\n- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]", group, resource, r.verb)
}

// mustBeAllowed asks, before anything is made, whether the user may do all that the way needs. A
// refusal is an error that prints the rules to add. A cluster that does not answer the question is
// taken for a yes: the request itself will tell. The questions are asked all at once.
func (o *Opener) mustBeAllowed(ctx context.Context, namespace string, rules ...rule) error {
	denied := make([]bool, len(rules))
	asked := crash.NewGroup(ctx)
	for i, r := range rules {
		asked.Go(func() { denied[i] = o.denied(ctx, namespace, r) })
	}
	asked.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var missing []rule
	for i, r := range rules {
		if denied[i] {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var what []string
	var yaml strings.Builder
	for _, r := range missing {
		what = append(what, r.verb+" "+r.String())
		yaml.WriteString(r.yaml())
	}
	return hint.With(lackError{fmt.Errorf("check permissions: you may not %s in namespace %s", strings.Join(what, ", nor "), namespace), missing},
		"have these rules added to your Role in namespace "+namespace+":"+yaml.String())
}

// lackError is the want of permissions.
type lackError struct {
	error
	missing []rule
}

// LackExec adds to an answer of exec that says "forbidden" the rule that would allow it.
func LackExec(err error, namespace string) error {
	if hint.Of(err) != "" {
		return err
	}
	return lacking(err, namespace, createExec)
}

func (o *Opener) denied(ctx context.Context, namespace string, r rule) bool {
	resource, group, _ := strings.Cut(r.resource, ".")
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authv1.ResourceAttributes{
			Namespace: namespace, Verb: r.verb, Group: group, Resource: resource, Subresource: r.subresource,
		},
	}}
	answer, err := o.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	return err == nil && !answer.Status.Allowed
}

// who is the user as the cluster knows them, to mark what is made for them; "" where the cluster does not say
// (SelfSubjectReview, from Kubernetes 1.28 on).
func (o *Opener) who(ctx context.Context) string {
	answer, err := o.Client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authnv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return ""
	}
	return answer.Status.UserInfo.Username
}
