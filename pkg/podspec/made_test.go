// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestMade(t *testing.T) {
	root, user := Candidate{Name: "root with default capabilities", Security: as(User{}, nil)}, without(User{1000, 1000})
	dropped := as(User{}, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}})
	noGroup := &corev1.SecurityContext{RunAsUser: new(int64(1000))}
	writable := as(User{}, nil)
	writable.ReadOnlyRootFilesystem = nil
	for _, c := range []struct {
		what   string
		asked  Candidate
		made   Made
		lesser bool
		text   string
	}{
		{"nothing changed", root, Made{"i", root.Security}, false, ""},
		{"nor anything that counts", root, Made{"i", writable}, false, ""},
		{"capabilities dropped", root, Made{"i", dropped}, true, "admission changed root with default capabilities to root without capabilities"},
		{"another user", tracer(), Made{"i", user.Security}, true, "admission changed root with SYS_PTRACE to user 1000:1000 without capabilities"},
		{"a user without a group", tracer(), Made{"i", noGroup}, true, "admission changed root with SYS_PTRACE to user 1000 with default capabilities"},
		{"no security context", root, Made{"i", nil}, true, "admission changed root with default capabilities to the image's user with default capabilities"},
		{"more than asked for", user, Made{"i", as(User{1000, 1000}, nil)}, false, "admission changed user 1000:1000 without capabilities to user 1000:1000 with default capabilities"},
		{"another image", root, Made{"mirror/i", root.Security}, false, "admission replaced image i with mirror/i"},
	} {
		if got := c.made.Weaker(c.asked.Security); got != c.lesser {
			t.Errorf("%s: lesser is %v", c.what, got)
		}
		if got := c.made.Changes(c.asked, "i"); got != c.text {
			t.Errorf("%s: %q, want %q", c.what, got, c.text)
		}
	}
}

func TestMadeIn(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "ia"}}}}
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "b", Image: "ib"}}}
	for name, want := range map[string]string{"a": "ia", "b": "ib", "c": "asked"} {
		if got := MadeIn(pod, name, Made{Image: "asked"}); got.Image != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCopyNamesAreHostNames(t *testing.T) {
	for _, pod := range []string{"web", strings.Repeat("a", 253), strings.Repeat("a", 46) + "-.b"} {
		name := CopyName(pod)
		if len(name) > 63 || strings.Contains(name, "-.-") || strings.Contains(name, "--") {
			t.Errorf("CopyName(%q) = %q", pod, name)
		}
	}
}
