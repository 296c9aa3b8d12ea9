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

// Ref names the target as the user typed it. Exactly one of Arg and Selector is set.
type Ref struct {
	// Arg names a pod ("nginx", "pod/nginx") or what keeps pods ("deploy/web", "sts/db", "svc/web"),
	// in the forms that kubectl exec takes.
	Arg string
	// Selector is a label selector, as -l takes it.
	Selector string
	// Container is the target container; "" is the default container of the pod.
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
			return query{}, hint.With(fmt.Errorf("%q is not a valid container name: %s", r.Container, problems[0]),
				"use -c with the name of a container, or leave it out for the default one")
		}
	}
	switch {
	case r.Arg != "" && r.Selector != "":
		return query{}, hint.With(fmt.Errorf("a name (%q) and labels (%q) are mutually exclusive", r.Arg, r.Selector),
			"use the name or -l")
	case r.Selector != "":
		return parseSelector(r.Selector)
	case r.Arg == "":
		return query{}, hint.With(errors.New("a pod name or labels are required"),
			"use the name of a pod, TYPE/NAME, or -l with its labels")
	}
	return parseArg(r.Arg)
}

func parseSelector(text string) (query, error) {
	const try = "use -l app=web, or -l 'app in (web, api), tier!=db'"
	selector, err := labels.Parse(text)
	switch {
	case err != nil:
		return query{}, hint.With(fmt.Errorf("parse label selector %q: %w", text, err), try)
	case selector.Empty():
		return query{}, hint.With(fmt.Errorf("label selector %q is empty and would match every pod", text), try)
	}
	return query{selector: selector}, nil
}

func parseArg(arg string) (query, error) {
	word, name, found := strings.Cut(arg, "/")
	if !found {
		word, name = "pod", arg
	}
	k, ok := kindNamed(word)
	switch {
	case ok:
	case IsNode(word) && len(validation.IsDNS1123Subdomain(name)) == 0:
		return query{}, hint.With(fmt.Errorf("%q is a node, and has no container to join", arg),
			"kubectl debug node/"+name+" -it --image=busybox")
	default:
		return query{}, hint.With(fmt.Errorf("%q has an unknown resource type %q: use %s", arg, word, kindNames()),
			fmt.Sprintf("run kubectl get pods and name one of them, or use -n %s if that is a namespace", word))
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 && (k.get != nil || !isPattern(name)) {
		return query{}, hint.With(fmt.Errorf("%q is not a valid %s name: %s", arg, k.name, problems[0]),
			fmt.Sprintf("run kubectl get %s and name one of them", k.plural))
	}
	return query{kind: k, name: name}, nil
}

// ParseName takes the forms in which a pod is named on kubectl's command line ("nginx", "pod/nginx",
// "pods/nginx", "po/nginx") and returns the pod's name. It fails for everything else, also for what
// Resolve finds a pod of.
func ParseName(arg string) (string, error) {
	q, err := parseArg(arg)
	if err == nil && (q.kind.get != nil || isPattern(q.name)) {
		is := q.kind.name
		if isPattern(q.name) {
			is = "pattern"
		}
		err = hint.With(fmt.Errorf("%q is a %s: only a pod can be used here", arg, is),
			"run kubectl get pods and name one of them")
	}
	if err != nil {
		return "", err
	}
	return q.name, nil
}
