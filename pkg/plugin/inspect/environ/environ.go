// SPDX-License-Identifier: Apache-2.0

// Package environ answers "where does each variable of a process come from, may it be shown, and is it still so?": from a pod's
// spec, a process's environment, and ConfigMaps and Secrets that were read. It reads nothing itself.
package environ

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// The kinds of a Source.
const (
	Spec      = "spec"
	ConfigMap = "configMap"
	Secret    = "secret"
	Field     = "fieldRef"
	Resource  = "resourceFieldRef"
	File      = "fileKeyRef"
	// Service is one of the variables that a process gets for each Service, Process what the spec does not explain: the
	// image's, or the program's own.
	Service = "service"
	Process = "process"
)

// A Source says where a variable comes from.
type Source struct {
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	Key  string `json:"key,omitempty"`
	// Uncertain says that it may come from there: which keys the object has is not known.
	Uncertain bool `json:"uncertain,omitempty"`
}

// String is the source without its key.
func (s Source) String() string {
	text := s.Kind
	if s.Kind == ConfigMap || s.Kind == Secret {
		text = Ref{s.Kind, s.Name}.String()
	}
	if s.Uncertain {
		text += "?"
	}
	return text
}

// A Variable is one of a process, or of the spec.
type Variable struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Masked bool   `json:"masked,omitempty"`
	// Unset says that the process does not have it, Unknown that its value is not known.
	Unset   bool   `json:"unset,omitempty"`
	Unknown bool   `json:"unknown,omitempty"`
	Source  Source `json:"source"`
	// Stale says that a process started now would get Now, or nothing where Gone is true.
	Stale bool   `json:"stale,omitempty"`
	Now   string `json:"now,omitempty"`
	Gone  bool   `json:"gone,omitempty"`

	secret     bool
	plain, now string
}

// Plain is the value whether or not it is masked.
func (v Variable) Plain() string { return v.plain }

// Explain says where each variable of a process comes from. c is nil where the spec has no such container. What may be secret is
// not masked yet.
func Explain(pod *corev1.Pod, c *corev1.Container, process []proc.Variable, objects Objects) []Variable {
	set, open := specOf(pod, c, objects)
	values := map[string]string{}
	for _, v := range process {
		values[v.Name] = v.Value
	}
	var list []Variable
	for _, v := range process {
		if values[v.Name] != v.Value {
			continue // A name that stands twice counts once, as the last.
		}
		delete(values, v.Name)
		found := Variable{Name: v.Name, plain: v.Value}
		d, ok := set[v.Name]
		maybe, matches := openSource(open, v.Name)
		switch {
		case ok && (d.named || d.secret || d.value == v.Value || !matches || maybe.Kind != Secret):
			found.Source, found.secret = d.source, d.secret
		case ofService(process, v), wellKnown(v.Name):
			found.Source = Source{Kind: Process}
			if ofService(process, v) {
				found.Source.Kind = Service
			}
		case matches:
			found.Source, found.secret = maybe, maybe.Kind == Secret
		default:
			found.Source = Source{Kind: Process}
		}
		list = append(list, found)
	}
	sortVariables(list)
	return list
}

// Declared are the variables that the spec sets, for a process whose own do not show. A value that takes a request to find out,
// which was not made, is Unknown.
func Declared(pod *corev1.Pod, c *corev1.Container, objects Objects) []Variable {
	set, _ := specOf(pod, c, objects)
	var list []Variable
	for name, d := range set {
		list = append(list, Variable{Name: name, plain: d.value, Unknown: !d.known, Source: d.source, secret: d.secret})
	}
	sortVariables(list)
	return list
}

// Stale are the variables that a process started now would have otherwise.
func Stale(pod *corev1.Pod, c *corev1.Container, process []proc.Variable, objects Objects) []Variable {
	set, _ := specOf(pod, c, objects)
	values := map[string]string{}
	for _, v := range process {
		values[v.Name] = v.Value
	}
	var list []Variable
	shell := !slices.ContainsFunc(process, func(v proc.Variable) bool { return !identifier(v.Name) })
	for name, d := range set {
		value, has := values[name]
		if !d.known && !d.absent || d.known && has && d.value == value || d.absent && !has {
			continue
		}
		// A shell hands on only variables that it can name.
		if !has && shell && !identifier(name) {
			continue
		}
		list = append(list, Variable{Name: name, plain: value, Unset: !has, Source: d.source, secret: d.secret, Stale: true, now: d.value, Gone: d.absent})
	}
	sortVariables(list)
	return list
}

// identifier reports whether a name is one of a shell's variables.
func identifier(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func specOf(pod *corev1.Pod, c *corev1.Container, objects Objects) (map[string]declared, []bulk) {
	if c == nil {
		return nil, nil
	}
	return read(pod, c, objects)
}

// openSource is the object whose keys are not known that a name may come from: a Secret rather than a ConfigMap.
func openSource(open []bulk, name string) (Source, bool) {
	var found Source
	for _, b := range open {
		if strings.HasPrefix(name, b.prefix) && (found.Kind == "" || found.Kind != Secret && b.source.Kind == Secret) {
			found = b.source
		}
	}
	found.Uncertain = true
	return found, found.Kind != ""
}

// ofService reports whether a variable is one of those that the kubelet makes for a Service.
func ofService(process []proc.Variable, v proc.Variable) bool {
	return slices.ContainsFunc(process, func(host proc.Variable) bool {
		service, ok := strings.CutSuffix(host.Name, "_SERVICE_HOST")
		rest, mine := strings.CutPrefix(v.Name, service+"_")
		if !ok || !mine {
			return false
		}
		switch {
		case rest == "SERVICE_HOST", rest == "SERVICE_PORT", strings.HasPrefix(rest, "SERVICE_PORT_"):
			return true
		}
		return rest == "PORT" && strings.Contains(v.Value, "://") || strings.HasPrefix(rest, "PORT_")
	})
}

// wellKnown are variables that runtimes, shells and languages set, which no Secret gives.
func wellKnown(name string) bool {
	return strings.HasPrefix(name, "LC_") || slices.Contains([]string{
		"PATH", "HOME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "TERM", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "_",
		"JAVA_HOME", "JAVA_VERSION", "GOPATH", "GOROOT", "PYTHON_VERSION", "NODE_VERSION", "NGINX_VERSION", "SSL_CERT_FILE", "DEBIAN_FRONTEND",
	}, name)
}

// sortVariables orders by name, with the variables of Services at the end: there are seven of each.
func sortVariables(list []Variable) {
	slices.SortFunc(list, func(a, b Variable) int {
		last := map[string]int{Service: 1}
		return cmp.Or(last[a.Source.Kind]-last[b.Source.Kind], strings.Compare(a.Name, b.Name))
	})
}
