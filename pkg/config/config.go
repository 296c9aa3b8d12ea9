// SPDX-License-Identifier: Apache-2.0

// Package config answers "what did the user write down?". It reads one YAML file, and nobody's cluster:
//
//	apiVersion: kubectl-shareproc/v1alpha1
//	kind: Config
//	image: registry.internal/tools/busybox:1.37.0-musl # may be pinned by digest
//	images: [busybox:1.36-musl]  # also good where the node has one of them already
//	imagePullPolicy: IfNotPresent
//	idleTimeout: 30m
//	timeout: 2m
//	transport: websocket         # of the API server's streams: websocket, spdy or auto
//	readOnly: true
//	tools: {net: registry.internal/tools/netshoot:v0.14} # for debug --tools
//	contexts:
//	  production:                # a context of the kubeconfig
//	    image: registry.production/busybox:1.37.0-musl
//	    namespaces:
//	      payments: {idleTimeout: 5m}
//	namespaces:                  # in every context
//	  kube-system: {image: registry.internal/tools/system:1}
//
// The more specific wins, field by field: a namespace of a context, a context, a namespace, the top.
// The file is strict: what it says and nobody understands is an error and not silence, as a
// misspelt setting for production would otherwise be found out in production.
package config

import (
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The head that a configuration must have, so that a later version of the format can be recognized.
const (
	APIVersion = "kubectl-shareproc/v1alpha1"
	Kind       = "Config"
)

// Value is a setting and where it was set: "FILE: FIELD" for one that a file holds. A setting that
// nobody made comes from "".
type Value[T any] struct {
	Value T
	From  string
}

// Set reports whether the value was set, even to the zero value.
func (v Value[T]) Set() bool { return v.From != "" }

// Or gives v where it is set, and otherwise value, which comes from from.
func (v Value[T]) Or(value T, from string) Value[T] {
	if v.Set() {
		return v
	}
	return Value[T]{Value: value, From: from}
}

// Settings are what the user wants, wherever the command goes.
type Settings struct {
	// Image is the helper's.
	Image Value[string]
	// Images are as good as Image where the node has one of them already.
	Images Value[[]string]
	// Tools are images by the names that debug --tools takes.
	Tools Value[map[string]string]
	// PullPolicy is Always, IfNotPresent or Never.
	PullPolicy Value[string]
	// IdleTimeout is how long the helper waits for another command, at least a second.
	IdleTimeout Value[time.Duration]
	// Timeout is how long to wait for the helper to start, more than zero.
	Timeout Value[time.Duration]
	// Transport is what carries the streams of the API server.
	Transport Value[string]
	// ReadOnly refuses commands that write into a target, run a command of the user's or change a workload.
	ReadOnly Value[bool]
}

// Config is what a file says about every context and namespace. The zero Config says nothing.
type Config struct {
	path     string
	document document
}

// For returns the settings in one namespace of one context.
func (c Config) For(context, namespace string) Settings {
	in, at := c.document.Contexts[context], field.NewPath("contexts").Key(context)
	var s Settings
	c.fill(&s, at.Child("namespaces").Key(namespace), in.Namespaces[namespace])
	c.fill(&s, at, in.fields)
	c.fill(&s, field.NewPath("namespaces").Key(namespace), c.document.Namespaces[namespace])
	c.fill(&s, nil, c.document.fields)
	return s
}

// fill sets what is not set yet.
func (c Config) fill(s *Settings, at *field.Path, f fields) {
	from := func(name string) string { return c.path + ": " + at.Child(name).String() }
	s.Image.fill(f.Image, from("image"))
	if f.Images != nil {
		s.Images.fill(&f.Images, from("images"))
	}
	if f.Tools != nil {
		s.Tools.fill(&f.Tools, from("tools"))
	}
	s.PullPolicy.fill(f.PullPolicy, from("imagePullPolicy"))
	// Parse has checked both.
	idle, _ := duration(f.IdleTimeout, 0, "")
	s.IdleTimeout.fill(idle, from("idleTimeout"))
	timeout, _ := duration(f.Timeout, 0, "")
	s.Timeout.fill(timeout, from("timeout"))
	s.Transport.fill(f.Transport, from("transport"))
	s.ReadOnly.fill(f.ReadOnly, from("readOnly"))
}

func (v *Value[T]) fill(value *T, from string) {
	if value != nil && !v.Set() {
		*v = Value[T]{Value: *value, From: from}
	}
}
