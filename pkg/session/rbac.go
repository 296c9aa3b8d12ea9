// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authnv1 "k8s.io/api/authentication/v1"
	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Rule is one kind of request. A resource is written as in a Role, with that of another group than the core one behind a
// dot: pods/exec, deployments.apps.
func Rule(verb, resource string) authv1.ResourceAttributes {
	name, group, _ := strings.Cut(resource, ".")
	name, sub, _ := strings.Cut(name, "/")
	return authv1.ResourceAttributes{Verb: verb, Group: group, Resource: name, Subresource: sub}
}

// NamedRule is a rule about one object: a Role may name it (resourceNames), and grants nothing then to whoever asks about all.
func NamedRule(r authv1.ResourceAttributes, pod string) authv1.ResourceAttributes {
	if r.Group == "" && r.Resource == "pods" && r.Verb != "list" && r.Verb != "delete" && (r.Verb != "create" || r.Subresource != "") {
		r.Name = pod
	}
	return r
}

// RuleName is a rule in a message: "create pods/exec".
func RuleName(r authv1.ResourceAttributes) string {
	return r.Verb + " " + strings.TrimSuffix(RuleResource(r)+"."+r.Group, ".")
}

// RuleResource is a rule's resource as it stands in a Role.
func RuleResource(r authv1.ResourceAttributes) string {
	return strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/")
}

// Requirements are the kinds of request that a mode makes. Open asks about them beforehand, and doctor tells of them. A
// patch also gets and patches its workload.
func (m Mode) Requirements() []authv1.ResourceAttributes {
	get, exec := Rule("get", "pods"), Rule("create", "pods/exec")
	switch m {
	case Reuse:
		return []authv1.ResourceAttributes{get, exec}
	case Persist:
		return []authv1.ResourceAttributes{get, Rule("patch", "pods/ephemeralcontainers"), Rule("create", "pods/attach")}
	case Copy:
		return []authv1.ResourceAttributes{get, Rule("create", "pods"), Rule("delete", "pods"), exec}
	case Patch:
		return []authv1.ResourceAttributes{Rule("list", "pods"), get, exec}
	default:
		return []authv1.ResourceAttributes{get, Rule("patch", "pods/ephemeralcontainers"), exec}
	}
}

// Permissions are what the user may not do, as far as the cluster was asked. The zero value knows of nothing.
type Permissions struct{ denied []authv1.ResourceAttributes }

// lack tells whether the user is known not to have a permission.
func (p Permissions) lack(rule authv1.ResourceAttributes) bool {
	return slices.ContainsFunc(p.denied, func(r authv1.ResourceAttributes) bool {
		r.Name = rule.Name
		return r == rule
	})
}

// check is an error that prints the rules to add, where some of what is required is missing.
func (p Permissions) check(namespace string, required []authv1.ResourceAttributes) error {
	missing := slices.DeleteFunc(slices.Clone(required), func(r authv1.ResourceAttributes) bool { return !p.lack(r) })
	if len(missing) == 0 {
		return nil
	}
	var what []string
	var rules strings.Builder
	for _, r := range missing {
		what = append(what, RuleName(r))
		rules.WriteString(roleRule(r))
	}
	return hint.With(fmt.Errorf("check permissions: you may not %s in namespace %s", strings.Join(what, ", nor "), namespace),
		"have these rules added to your Role in namespace "+namespace+":"+rules.String())
}

// AskPermissions asks what of some rules the user may not do to a pod (any for ""), all at once. A cluster that does not answer is taken for a
// yes: the request itself will tell.
func AskPermissions(ctx context.Context, client kubernetes.Interface, namespace, pod string, rules []authv1.ResourceAttributes) (Permissions, error) {
	denied := make([]bool, len(rules))
	asked := crash.NewGroup(ctx)
	for i, r := range rules {
		asked.Go(func() {
			status, err := Review(ctx, client, namespace, NamedRule(r, pod))
			denied[i] = err == nil && !status.Allowed
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return Permissions{}, context.Cause(ctx)
	}
	var p Permissions
	for i, r := range rules {
		if denied[i] {
			p.denied = append(p.denied, r)
		}
	}
	return p, nil
}

// Review asks the cluster whether the user may make a kind of request.
func Review(ctx context.Context, client kubernetes.Interface, namespace string, rule authv1.ResourceAttributes) (authv1.SubjectAccessReviewStatus, error) {
	rule.Namespace = namespace
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &rule}}
	answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return authv1.SubjectAccessReviewStatus{}, err
	}
	return answer.Status, nil
}

// Who is the user as the cluster knows them, to mark what is made for them; "" where the cluster does not say
// (SelfSubjectReview, from Kubernetes 1.28 on).
func Who(ctx context.Context, client kubernetes.Interface) string {
	answer, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authnv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return ""
	}
	return answer.Status.UserInfo.Username
}

// roleRule is the rule as it stands in a Role.
func roleRule(r authv1.ResourceAttributes) string {
	return fmt.Sprintf("\n- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]", r.Group, RuleResource(r), r.Verb)
}

// lacking adds to an answer that says "forbidden" the rule that would allow the request.
func lacking(err error, namespace string, r authv1.ResourceAttributes) error {
	switch {
	case !apierrors.IsForbidden(err):
		return err
	case namespace == "":
		return hint.With(err, "one namespace (-n instead of -A), or have these rules added to a ClusterRole of yours, bound by a ClusterRoleBinding:"+roleRule(r))
	default:
		return hint.With(err, "have these rules added to your Role in namespace "+namespace+":"+roleRule(r))
	}
}
