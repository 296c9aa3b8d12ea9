// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
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

// NewName returns a name for a helper: its random part has five characters, like in names that the API server generates.
func NewName() string { return NamePrefix + utilrand.String(5) }

// CopyName returns a name for a copy of pod that is short enough to be a host name.
func CopyName(pod string) string {
	const room = 63 - len("-shareproc-") - 5
	if len(pod) > room {
		pod = strings.TrimRight(pod[:room], "-.")
	}
	return pod + "-shareproc-" + utilrand.String(5)
}

// IsCopy reports whether a pod is a copy of ours. It also checks what only the creator of a pod decides: someone who may
// patch pods could otherwise have any pod taken for a copy and deleted by someone else.
func IsCopy(pod *corev1.Pod) bool {
	share, spec := pod.Spec.ShareProcessNamespace, &pod.Spec
	return pod.Labels[LabelManagedBy] == ManagedBy && pod.Annotations[AnnotationCopyOf] != "" &&
		spec.RestartPolicy == corev1.RestartPolicyNever && (spec.HostPID || share != nil && *share) &&
		strings.HasPrefix(ShellOf(spec), ShellContainer)
}

// ShellOf is the name of the shell in the spec of a copy, or of a pod whose workload is patched; "" for none.
func ShellOf(spec *corev1.PodSpec) string {
	if n := len(spec.Containers); n > 0 && spec.Containers[n-1].Stdin && spec.Containers[n-1].TTY {
		return spec.Containers[n-1].Name
	}
	return ""
}

// UnknownUser stands for a user who is not recorded.
const UnknownUser = "an unknown user"
