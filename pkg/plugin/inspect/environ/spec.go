// SPDX-License-Identifier: Apache-2.0

package environ

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A Ref names a ConfigMap or a Secret.
type Ref struct{ Kind, Name string }

// String is the object as kubectl takes it.
func (r Ref) String() string { return strings.ToLower(r.Kind) + "/" + r.Name }

// Objects are the data of ConfigMaps and Secrets. One that was read and is not there is nil; what was not read is no key.
type Objects map[Ref]map[string]string

// ContainerOf is the container of a pod, with that name; nil for none of the pod's own.
func ContainerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		if i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == name }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// Refs are the objects that a container's environment comes from, each once; with bulk only those that give all their keys.
func Refs(c *corev1.Container, bulk bool) []Ref {
	var refs []Ref
	add := func(kind, name string) {
		if r := (Ref{kind, name}); name != "" && !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	for _, from := range c.EnvFrom {
		source := fromSource(from)
		add(source.Kind, source.Name)
	}
	for i := range c.Env {
		if source := sourceOf(&c.Env[i]); !bulk && (source.Kind == ConfigMap || source.Kind == Secret) {
			add(source.Kind, source.Name)
		}
	}
	return refs
}

func fromSource(from corev1.EnvFromSource) Source {
	switch {
	case from.ConfigMapRef != nil:
		return Source{Kind: ConfigMap, Name: from.ConfigMapRef.Name}
	case from.SecretRef != nil:
		return Source{Kind: Secret, Name: from.SecretRef.Name}
	}
	return Source{}
}

func sourceOf(v *corev1.EnvVar) Source {
	from := v.ValueFrom
	switch {
	case from == nil:
		return Source{Kind: Spec}
	case from.ConfigMapKeyRef != nil:
		return Source{Kind: ConfigMap, Name: from.ConfigMapKeyRef.Name, Key: from.ConfigMapKeyRef.Key}
	case from.SecretKeyRef != nil:
		return Source{Kind: Secret, Name: from.SecretKeyRef.Name, Key: from.SecretKeyRef.Key}
	case from.FieldRef != nil:
		return Source{Kind: Field, Key: from.FieldRef.FieldPath}
	case from.ResourceFieldRef != nil:
		return Source{Kind: Resource, Name: from.ResourceFieldRef.ContainerName, Key: from.ResourceFieldRef.Resource}
	case from.FileKeyRef != nil:
		return Source{Kind: File, Name: from.FileKeyRef.Path, Key: from.FileKeyRef.Key}
	}
	return Source{Kind: Spec}
}

// declared is a variable that the spec sets.
type declared struct {
	source Source
	value  string
	// known says that value is what a process started now would get, absent that it would get none.
	known, absent bool
	// secret says that it is, or may be, made of a Secret's value.
	secret bool
	// named says that env sets it, which counts before what envFrom does.
	named bool
}

// bulk is an object that gives all its keys, which are not known.
type bulk struct {
	prefix string
	source Source
}

// read is what a container's spec sets, as far as the objects tell.
func read(pod *corev1.Pod, c *corev1.Container, objects Objects) (map[string]declared, []bulk) {
	all, open := map[string]declared{}, []bulk(nil)
	lookUp := func(name string) (declared, bool) {
		d, ok := all[name]
		if maybe, matches := openSource(open, name); !ok && matches && maybe.Kind == Secret {
			d.secret = true
		}
		return d, ok
	}
	for _, from := range c.EnvFrom {
		source := fromSource(from)
		data, ok := objects[Ref{source.Kind, source.Name}]
		if !ok {
			open = append(open, bulk{from.Prefix, source})
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(data)) {
			source.Key = key
			all[from.Prefix+key] = declared{source: source, value: data[key], known: true, secret: source.Kind == Secret}
		}
	}
	for i := range c.Env {
		v := &c.Env[i]
		all[v.Name] = one(pod, v, objects, lookUp)
	}
	return all, open
}

// one is a variable that env sets; before finds those before it.
func one(pod *corev1.Pod, v *corev1.EnvVar, objects Objects, before func(string) (declared, bool)) declared {
	d := declared{source: sourceOf(v), named: true}
	switch d.source.Kind {
	case Spec:
		d.value, d.known, d.secret = expand(v.Value, before)
	case ConfigMap, Secret:
		d.secret = d.source.Kind == Secret
		if data, ok := objects[Ref{d.source.Kind, d.source.Name}]; ok {
			d.value, d.known = data[d.source.Key]
			d.absent = !d.known
		}
	case Field:
		d.value, d.known = field(pod, d.source.Key)
	}
	return d
}

// expand puts variables for $(NAME) as the kubelet does: $$ is a dollar, and a name that is none stays.
func expand(text string, before func(string) (declared, bool)) (value string, known, secret bool) {
	var b strings.Builder
	known = true
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			b.WriteString(text)
			return b.String(), known, secret
		}
		b.WriteString(text[:i])
		text = text[i:]
		name, rest, closed := strings.Cut(text[1:], ")")
		switch {
		case text[1] == '$':
			b.WriteByte('$')
			text = text[2:]
		case text[1] == '(' && closed:
			d, ok := before(name[1:])
			if ok {
				b.WriteString(d.value)
			} else {
				b.WriteString("$" + name + ")")
			}
			// One that is not set here may be one of a Service's, or of an object that was not read.
			known, secret = known && ok && d.known, secret || d.secret
			text = rest
		default:
			b.WriteByte('$')
			text = text[1:]
		}
	}
}

// field is what fieldRef gives.
func field(pod *corev1.Pod, path string) (string, bool) {
	for prefix, values := range map[string]map[string]string{"metadata.labels['": pod.Labels, "metadata.annotations['": pod.Annotations} {
		if name, ok := strings.CutPrefix(path, prefix); ok {
			return values[strings.TrimSuffix(name, "']")], true
		}
	}
	var ips, hosts []string
	for _, ip := range pod.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	for _, ip := range pod.Status.HostIPs {
		hosts = append(hosts, ip.IP)
	}
	value, ok := map[string]string{
		"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.podIP": pod.Status.PodIP, "status.podIPs": strings.Join(ips, ","),
		"status.hostIP": pod.Status.HostIP, "status.hostIPs": strings.Join(hosts, ","),
	}[path]
	return value, ok && value != ""
}
