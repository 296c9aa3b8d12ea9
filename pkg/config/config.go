// SPDX-License-Identifier: Apache-2.0

// Package config answers "what did the user write down?". It reads one YAML file, and nobody's cluster:
//
//	apiVersion: kubectl-shareproc/v1alpha1
//	kind: Config
//	image: registry.internal/tools/busybox:1.37.0-musl # may be pinned by digest
//	images: [busybox:1.36-musl]  # also good where the node has one of them already
//	imagePullPolicy: IfNotPresent
//	keep: 30m
//	timeout: 2m
//	contexts:
//	  production:                # a context of the kubeconfig
//	    image: registry.production/busybox:1.37.0-musl
//	    namespaces:
//	      payments: {keep: 5m}
//	namespaces:                  # in every context
//	  kube-system: {image: registry.internal/tools/system:1}
//
// The more specific wins, field by field: a namespace of a context, a context, a namespace, the top.
// The file is strict: what it says and nobody understands is an error and not silence, as a
// misspelt setting for production would otherwise be found out in production.
package config

import "time"

// The head that a configuration must have, so that a later shape of the file can be told from this one.
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

// Set tells whether somebody made this setting, be it to the zero value.
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
	// PullPolicy is Always, IfNotPresent or Never.
	PullPolicy Value[string]
	// Keep is how long the helper waits for another command, at least a second.
	Keep Value[time.Duration]
	// Timeout is how long to wait for the helper to start, more than zero.
	Timeout Value[time.Duration]
}

// Config is what a file says about every context and namespace. The zero Config says nothing.
type Config struct {
	top        Settings
	contexts   map[string]scope
	namespaces map[string]Settings
}

// scope is what a file says about one context.
type scope struct {
	Settings
	namespaces map[string]Settings
}

// For returns the settings in one namespace of one context.
func (c Config) For(context, namespace string) Settings {
	in := c.contexts[context]
	return in.namespaces[namespace].over(in.Settings).over(c.namespaces[namespace]).over(c.top)
}

func (s Settings) over(general Settings) Settings {
	return Settings{
		Image:      s.Image.Or(general.Image.Value, general.Image.From),
		Images:     s.Images.Or(general.Images.Value, general.Images.From),
		PullPolicy: s.PullPolicy.Or(general.PullPolicy.Value, general.PullPolicy.From),
		Keep:       s.Keep.Or(general.Keep.Value, general.Keep.From),
		Timeout:    s.Timeout.Or(general.Timeout.Value, general.Timeout.From),
	}
}
