// SPDX-License-Identifier: Apache-2.0

package target

import authv1 "k8s.io/api/authorization/v1"

// Requests lists what Resolve asks the API server for on the way to the pod that ref means. The error is Validate's.
func (r Ref) Requests() ([]authv1.ResourceAttributes, error) {
	listPods := authv1.ResourceAttributes{Verb: "list", Resource: "pods"}
	q, err := r.parse()
	switch {
	case err != nil:
		return nil, err
	case q.selector != nil:
		return []authv1.ResourceAttributes{listPods}, nil
	case q.kind.get == nil:
		return []authv1.ResourceAttributes{{Verb: "get", Resource: "pods"}}, nil
	}
	list := []authv1.ResourceAttributes{{Verb: "get", Group: q.kind.group, Resource: q.kind.plural}}
	if q.kind.name == cronJobKind {
		list = append(list, authv1.ResourceAttributes{Verb: "list", Group: "batch", Resource: "jobs"})
	}
	return append(list, listPods), nil
}
