// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Grant is a Role, and a RoleBinding if the username is known.
type Grant struct {
	Role        *rbacv1.Role        `json:"role"`
	RoleBinding *rbacv1.RoleBinding `json:"roleBinding,omitempty"`
}

// grantOf grants permissions to the user, limited to the named pod.
func grantOf(d *Diagnosis, list []Permission) Grant {
	list = slices.Clone(list)
	for i := range list {
		if d.replaced {
			list[i].Name = ""
		}
	}
	return grant(d.Namespace, d.User, list)
}

// grant creates a Role. Its name depends on the user and the rules: a second Role, with what is still missing, must not
// replace the first.
func grant(namespace, user string, list []Permission) Grant {
	var rules []rbacv1.PolicyRule
	for _, p := range list {
		i := slices.IndexFunc(rules, func(r rbacv1.PolicyRule) bool {
			return r.APIGroups[0] == p.Group && r.Resources[0] == p.Resource && strings.Join(r.ResourceNames, "") == p.Name
		})
		if i < 0 {
			rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{p.Group}, Resources: []string{p.Resource}})
			i = len(rules) - 1
			if p.Name != "" {
				rules[i].ResourceNames = []string{p.Name}
			}
		}
		rules[i].Verbs = append(rules[i].Verbs, p.Verb)
	}
	sum := sha256.Sum256(fmt.Append(nil, user, rules))
	meta := metav1.ObjectMeta{Name: fmt.Sprintf("kubectl-shareproc-%x", sum[:4]), Namespace: namespace}
	g := Grant{Role: &rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"},
		ObjectMeta: meta,
		Rules:      rules,
	}}
	if user != "" {
		g.RoleBinding = &rbacv1.RoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
			ObjectMeta: meta,
			Subjects:   []rbacv1.Subject{subject(user)},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		}
	}
	return g
}

// subject is a user for a RoleBinding. The username of a service account contains its namespace and name.
func subject(user string) rbacv1.Subject {
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		if namespace, name, ok := strings.Cut(account, ":"); ok {
			return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
		}
	}
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}
}
