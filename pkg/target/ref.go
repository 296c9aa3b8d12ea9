// SPDX-License-Identifier: Apache-2.0

package target

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Ref is whom the user means, in the user's words. Exactly one of Arg and Selector is given.
type Ref struct {
	// Arg names a pod ("nginx", "pod/nginx") or what keeps pods ("deploy/web", "sts/db", "svc/web"),
	// in the forms that kubectl exec takes.
	Arg string
	// Selector is a label selector, as -l takes it.
	Selector string
	// Container is the container that is meant; "" is the pod's default one.
	Container string
}

// Validate says what is wrong with the words themselves, whatever the cluster holds: neither or both of
// Arg and Selector, a kind that keeps no pods, a malformed name or selector.
func (r Ref) Validate() error {
	_, err := r.parse()
	return err
}

// query is a Ref that was understood. Without a selector, kind and name are set.
type query struct {
	kind     kind
	name     string
	selector labels.Selector
}

func (r Ref) parse() (query, error) {
	if r.Container != "" {
		if problems := validation.IsDNS1123Label(r.Container); len(problems) > 0 {
			return query{}, hint.With(fmt.Errorf("find container %q: not the name of a container: %s", r.Container, problems[0]),
				"-c with the name of a container, or without -c for the pod's default one")
		}
	}
	switch {
	case r.Arg != "" && r.Selector != "":
		return query{}, hint.With(fmt.Errorf("resolve %q with labels %q: both say which pod is meant", r.Arg, r.Selector),
			"one of both: the name, or -l")
	case r.Selector != "":
		return parseSelector(r.Selector)
	case r.Arg == "":
		return query{}, hint.With(errors.New("resolve a pod: neither a name nor labels are given"),
			"the name of a pod, TYPE/NAME, or -l with its labels")
	}
	return parseArg(r.Arg)
}

func parseSelector(text string) (query, error) {
	const try = "-l app=web, or -l 'app in (web, api), tier!=db'"
	selector, err := labels.Parse(text)
	switch {
	case err != nil:
		return query{}, hint.With(fmt.Errorf("parse label selector %q: %w", text, err), try)
	case selector.Empty():
		return query{}, hint.With(fmt.Errorf("parse label selector %q: it asks for nothing, so every pod would do", text), try)
	}
	return query{selector: selector}, nil
}

func parseArg(arg string) (query, error) {
	word, name, found := strings.Cut(arg, "/")
	if !found {
		word, name = "pod", arg
	}
	k, ok := kindNamed(word)
	if !ok {
		return query{}, hint.With(fmt.Errorf("resolve %q: no pods are found by %q, only by %s", arg, word, kindNames()),
			"kubectl get pods, then name one of them; or -l with its labels")
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return query{}, hint.With(fmt.Errorf("resolve %q: not the name of a %s: %s", arg, k.name, problems[0]),
			fmt.Sprintf("kubectl get %s, then name one of them", k.plural))
	}
	return query{kind: k, name: name}, nil
}

// ParseName takes the forms in which a pod is named on kubectl's command line ("nginx", "pod/nginx",
// "pods/nginx", "po/nginx") and returns the pod's name. It fails for everything else, also for what
// Resolve finds a pod of.
func ParseName(arg string) (string, error) {
	q, err := parseArg(arg)
	if err == nil && q.kind.get != nil {
		err = hint.With(fmt.Errorf("resolve %q: only a pod can be named here, not a %s", arg, q.kind.name),
			"kubectl get pods, then name one of them")
	}
	if err != nil {
		return "", err
	}
	return q.name, nil
}
