// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Made is one of our containers as the server returned it; admission may have changed it.
type Made struct {
	Image    string
	Security *corev1.SecurityContext
}

// MadeIn finds a container of any kind in a pod; asked if there is no pod or container.
func MadeIn(pod *corev1.Pod, name string, asked Made) Made {
	if pod == nil {
		return asked
	}
	if c, ok := Container(pod, name); ok {
		return Made{c.Image, c.SecurityContext}
	}
	i := slices.IndexFunc(pod.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == name })
	if i < 0 {
		return asked
	}
	c := &pod.Spec.EphemeralContainers[i]
	return Made{c.Image, c.SecurityContext}
}

// Weaker reports whether a container runs as another user than requested, or lacks a capability.
func (m Made) Weaker(asked *corev1.SecurityContext) bool {
	user, ok := userIn(m.Security)
	if wanted, _ := userIn(asked); !ok || user != wanted {
		return true
	}
	return !capabilitiesOf(m.Security).covers(capabilitiesOf(asked))
}

// Changes describes what admission changed; "" for nothing.
func (m Made) Changes(c Candidate, image string) string {
	var said []string
	if got := Describe(m.Security); got != Describe(c.Security) {
		said = append(said, fmt.Sprintf("admission changed %s to %s", c.Name, got))
	}
	if m.Image != image {
		said = append(said, fmt.Sprintf("admission replaced image %s with %s", image, m.Image))
	}
	return strings.Join(said, "; ")
}

func userIn(sc *corev1.SecurityContext) (User, bool) {
	if sc == nil || sc.RunAsUser == nil || sc.RunAsGroup == nil {
		return User{}, false
	}
	return User{*sc.RunAsUser, *sc.RunAsGroup}, true
}

// Describe summarizes the user and the capabilities of a security context.
func Describe(sc *corev1.SecurityContext) string {
	text := "the image's user"
	if user, ok := userIn(sc); ok && user == (User{}) {
		text = "root"
	} else if ok {
		text = fmt.Sprintf("user %d:%d", user.UID, user.GID)
	} else if sc != nil && sc.RunAsUser != nil {
		text = fmt.Sprintf("user %d", *sc.RunAsUser)
	}
	switch c := capabilitiesOf(sc); {
	case c.all:
		return text + " with all capabilities"
	case len(c.added) > 0:
		return text + " with " + strings.Join(c.added, ", ")
	case !c.defaults:
		return text + " without capabilities"
	default:
		return text + " with default capabilities"
	}
}
