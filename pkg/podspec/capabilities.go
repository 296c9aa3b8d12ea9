// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// capabilities are those of a root process, relative to the default set of the runtime, which no API reports.
type capabilities struct {
	all      bool // privileged, or ALL added
	defaults bool // the runtime's set, less what is dropped
	dropped  []string
	added    []string
}

// capabilitiesOf reads a security context; nil means the runtime's defaults.
func capabilitiesOf(sc *corev1.SecurityContext) capabilities {
	c := capabilities{defaults: true}
	if sc == nil {
		return c
	}
	c.all = sc.Privileged != nil && *sc.Privileged
	if sc.Capabilities == nil {
		return c
	}
	c.dropped, c.added = names(sc.Capabilities.Drop), names(sc.Capabilities.Add)
	c.all = c.all || slices.Contains(c.added, "ALL")
	c.defaults = !slices.Contains(c.dropped, "ALL")
	return c
}

// names normalizes capabilities: runtimes accept them with or without CAP_, in either case.
func names(list []corev1.Capability) []string {
	var out []string
	for _, name := range list {
		out = append(out, strings.TrimPrefix(strings.ToUpper(string(name)), "CAP_"))
	}
	return out
}

// everyDefault returns the capabilities that are in the default sets of both containerd (pkg/oci) and CRI-O (config).
func everyDefault() []string {
	return []string{"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL"}
}

func (c capabilities) has(name string) bool {
	switch {
	case c.all, slices.Contains(c.added, name):
		return true
	default:
		return c.defaults && !slices.Contains(c.dropped, name) && slices.Contains(everyDefault(), name)
	}
}

// covers reports whether a process with c certainly has every capability of one with other.
func (c capabilities) covers(other capabilities) bool {
	if c.all || other.all {
		return c.all
	}
	if other.defaults && !c.defaults {
		return false
	}
	if other.defaults {
		for _, name := range c.dropped {
			if !slices.Contains(other.dropped, name) && !slices.Contains(c.added, name) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(other.added, func(name string) bool { return !c.has(name) })
}

// spec writes c for a security context; nil for the defaults of the runtime.
func (c capabilities) spec() *corev1.Capabilities {
	if len(c.dropped) == 0 && len(c.added) == 0 {
		return nil
	}
	list := func(names []string) (out []corev1.Capability) {
		for _, name := range names {
			out = append(out, corev1.Capability(name))
		}
		return out
	}
	return &corev1.Capabilities{Add: list(c.added), Drop: list(c.dropped)}
}
