// SPDX-License-Identifier: Apache-2.0

package target

// Request is a kind of request of the API server, as its authorization rules name it.
type Request struct{ Verb, Group, Resource string }

// Requests lists what Resolve asks the API server for on the way to the pod that ref means. The error is Validate's.
func (r Ref) Requests() ([]Request, error) {
	q, err := r.parse()
	switch {
	case err != nil:
		return nil, err
	case q.selector != nil:
		return []Request{{"list", "", "pods"}}, nil
	case q.kind.get == nil:
		return []Request{{"get", "", "pods"}}, nil
	}
	list := []Request{{"get", q.kind.group, q.kind.plural}}
	if q.kind.name == cronJobKind {
		list = append(list, Request{"list", "batch", "jobs"})
	}
	return append(list, Request{"list", "", "pods"}), nil
}
