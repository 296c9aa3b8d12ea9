// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes"
)

// kind is a type of object by which a pod can be named.
type kind struct {
	name, plural string
	short        string
	group        string
	// get reads the workload of that name; nil for a pod, which is its own. Its error is the API's.
	get func(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error)
}

// kinds are those that kubectl exec takes, and cronjob. They are a list of our own because asking the
// cluster for its types would be another request, or many, before every command.
func kinds() []kind {
	return []kind{
		{name: "pod", plural: "pods", short: "po"},
		{name: "deployment", plural: "deployments", short: "deploy", group: "apps", get: deployment},
		{name: "statefulset", plural: "statefulsets", short: "sts", group: "apps", get: statefulSet},
		{name: "daemonset", plural: "daemonsets", short: "ds", group: "apps", get: daemonSet},
		{name: "replicaset", plural: "replicasets", short: "rs", group: "apps", get: replicaSet},
		{name: "job", plural: "jobs", group: "batch", get: job},
		{name: cronJobKind, plural: "cronjobs", short: "cj", group: "batch", get: cronJob},
		{name: "replicationcontroller", plural: "replicationcontrollers", short: "rc", get: replicationController},
		{name: "service", plural: "services", short: "svc", get: service},
	}
}

// kindNamed finds a kind by any of its names, in any case, with its API group ("deployment.apps") and
// version ("deployment.v1.apps") or without.
func kindNamed(word string) (kind, bool) {
	name, group, qualified := strings.Cut(strings.ToLower(word), ".")
	i := slices.IndexFunc(kinds(), func(k kind) bool {
		ours := name == k.name || name == k.plural || (k.short != "" && name == k.short)
		return ours && (!qualified || group == k.group || group == "v1."+k.group)
	})
	if i < 0 {
		return kind{}, false
	}
	return kinds()[i], true
}

func kindNames() string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
