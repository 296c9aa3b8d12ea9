// SPDX-License-Identifier: Apache-2.0

// Package rbac answers "may this user do that?": it asks the cluster for reviews, and writes down the rules of a Role that are
// missing. It does not know what a session requires.
package rbac

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	authnv1 "k8s.io/api/authentication/v1"
	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Rule describes a kind of request. The resource is written like in a Role, with the API group after a dot: pods/exec,
// deployments.apps.
func Rule(verb, resource string) authv1.ResourceAttributes {
	name, group, _ := strings.Cut(resource, ".")
	name, sub, _ := strings.Cut(name, "/")
	return authv1.ResourceAttributes{Verb: verb, Group: group, Resource: name, Subresource: sub}
}

// Named limits a rule to one pod: a Role with resourceNames grants nothing for requests about all pods.
func Named(r authv1.ResourceAttributes, pod string) authv1.ResourceAttributes {
	if r.Group == "" && r.Resource == "pods" && r.Verb != "list" && r.Verb != "delete" && (r.Verb != "create" || r.Subresource != "") {
		r.Name = pod
	}
	return r
}

// Name writes a rule for messages: "create pods/exec".
func Name(r authv1.ResourceAttributes) string {
	return r.Verb + " " + strings.TrimSuffix(Resource(r)+"."+r.Group, ".")
}

// Resource is the resource of a rule, as written in a Role.
func Resource(r authv1.ResourceAttributes) string {
	return strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/")
}

// Permissions are the requests that the cluster reported as denied. The zero value knows of none.
type Permissions struct{ denied []authv1.ResourceAttributes }

// Lack reports whether a permission is known to be denied.
func (p Permissions) Lack(rule authv1.ResourceAttributes) bool {
	return slices.ContainsFunc(p.denied, func(r authv1.ResourceAttributes) bool {
		r.Name = rule.Name
		return r == rule
	})
}

// Check returns an error with the missing rules, if any.
func (p Permissions) Check(namespace string, required []authv1.ResourceAttributes) error {
	missing := slices.DeleteFunc(slices.Clone(required), func(r authv1.ResourceAttributes) bool { return !p.Lack(r) })
	if len(missing) == 0 {
		return nil
	}
	var what []string
	var rules strings.Builder
	for _, r := range missing {
		what = append(what, Name(r))
		rules.WriteString(roleRule(r))
	}
	return hint.With(errors.New(Lacking(what, namespace)), addRules+namespace+":"+rules.String())
}

// Lacking describes missing permissions: "you lack permission to get pods and create pods/exec".
func Lacking(rules []string, namespace string) string {
	list, last := strings.Join(rules[:len(rules)-1], ", "), rules[len(rules)-1]
	if list != "" {
		list += " and "
	}
	return fmt.Sprintf("you lack permission to %s%s in namespace %s", list, last, namespace)
}

const addRules = "ask an admin to add these rules to your Role in namespace "

// Ask asks about several rules at once, for one pod or ("") any. An unanswered question counts as allowed:
// the request itself will show it.
func Ask(ctx context.Context, client kubernetes.Interface, namespace, pod string, rules []authv1.ResourceAttributes) (Permissions, error) {
	denied := make([]bool, len(rules))
	asked := crash.NewGroup(ctx)
	for i, r := range rules {
		asked.Go(func() {
			status, err := Review(ctx, client, namespace, Named(r, pod))
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

// Review asks whether the user may make a kind of request.
func Review(ctx context.Context, client kubernetes.Interface, namespace string, rule authv1.ResourceAttributes) (authv1.SubjectAccessReviewStatus, error) {
	rule.Namespace = namespace
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &rule}}
	answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return authv1.SubjectAccessReviewStatus{}, err
	}
	if get := rule; !answer.Status.Allowed && rule.Verb == "create" && Resource(rule) == "pods/exec" && getSuffices(ctx, client) {
		get.Verb = "get"
		return Review(ctx, client, namespace, get)
	}
	return answer.Status, nil
}

// getSuffices reports whether exec over a WebSocket takes get alone, as before Kubernetes 1.35. A newer server says so only once a
// helper has been added for nothing.
func getSuffices(ctx context.Context, client kubernetes.Interface) bool {
	info, err := discovery.ToServerVersionInterfaceWithContext(client.Discovery()).ServerVersionWithContext(ctx)
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(strings.TrimRight(info.Minor, "+"))
	return err == nil && info.Major == "1" && minor < 35
}

// Who returns the username that the cluster knows, to mark what is created; "" before Kubernetes 1.28
// (SelfSubjectReview).
func Who(ctx context.Context, client kubernetes.Interface) string {
	answer, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authnv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return ""
	}
	return answer.Status.UserInfo.Username
}

// roleRule writes a rule like in a Role.
func roleRule(r authv1.ResourceAttributes) string {
	return fmt.Sprintf("\n- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]", r.Group, Resource(r), r.Verb)
}

// Advise adds the missing rule to a "forbidden" answer.
func Advise(err error, namespace string, r authv1.ResourceAttributes) error {
	switch {
	case !apierrors.IsForbidden(err):
		return err
	case namespace == "":
		return hint.With(err, "use -n NAMESPACE instead of -A, or ask an admin to bind a ClusterRole with these rules to you:"+roleRule(r))
	default:
		return hint.With(err, addRules+namespace+":"+roleRule(r))
	}
}
