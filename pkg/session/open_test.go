// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func TestOpenAddsOneHelper(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	s, err := open(t, c, target, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.New || s.Copy || s.View.Container != "web" || !strings.HasPrefix(s.Container, podspec.NamePrefix) {
		t.Errorf("got %+v", s)
	}
	if got := strings.Join(c.writes(), ", "); got != "patch pods/ephemeralcontainers" {
		t.Errorf("changed the cluster by: %s", got)
	}
}

func TestOpenReusesWithoutARequest(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	c := newCluster(target)
	s, err := open(t, c, target, Request{})
	if err != nil || s.Container != "shareproc-a" || s.New {
		t.Fatalf("got %+v, %v", s, err)
	}
	if n := len(c.Actions()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A policy such as Pod Security's decides, in a dry run, which context is used.
func TestOpenTakesTheFirstAdmittedContext(t *testing.T) {
	target := newTarget(func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].User = &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 101, GID: 102}}
	})
	c := newCluster(target)
	c.refuse = func(sc *corev1.SecurityContext) error {
		if len(sc.Capabilities.Add) > 0 {
			return forbidden("violates PodSecurity")
		}
		return nil
	}
	s, err := open(t, c, target, Request{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sc := p.Spec.EphemeralContainers[0].SecurityContext
	if *sc.RunAsUser != 101 || *sc.RunAsGroup != 102 || sc.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%s runs with %+v", s.Container, sc)
	}
	if len(c.writes()) != 1 {
		t.Errorf("changed the cluster by: %v", c.writes())
	}
}

func TestOpenSaysEveryRefusal(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.refuse = func(*corev1.SecurityContext) error { return forbidden("not in this house") }
	_, err := open(t, c, target, Request{})
	if err == nil || strings.Count(err.Error(), "not in this house") != 3 || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
	if len(c.writes()) != 0 {
		t.Errorf("changed the cluster by: %v", c.writes())
	}
}

func TestOpenWithoutPermissionChangesNothingAndPrintsTheRule(t *testing.T) {
	for _, c := range []struct {
		denied string
		want   Request
		rule   string
	}{
		{"patch pods/ephemeralcontainers", Request{}, `resources: ["pods/ephemeralcontainers"]` + "\n" + `  verbs: ["patch"]`},
		{"create pods/exec", Request{}, `resources: ["pods/exec"]` + "\n" + `  verbs: ["create"]`},
		{"create pods", Request{Copy: true}, `resources: ["pods"]` + "\n" + `  verbs: ["create"]`},
		{"delete pods", Request{Copy: true}, `resources: ["pods"]` + "\n" + `  verbs: ["delete"]`},
	} {
		target := newTarget(nil)
		cluster := newCluster(target)
		cluster.denied = []string{c.denied}
		_, err := open(t, cluster, target, c.want)
		if err == nil || !strings.Contains(hint.Of(err), c.rule) {
			t.Errorf("%s denied: %v, try %q", c.denied, err, hint.Of(err))
		}
		if len(cluster.writes()) != 0 {
			t.Errorf("%s denied: changed the cluster by: %v", c.denied, cluster.writes())
		}
	}
}

func TestCopyIsDeletedByClose(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	s, err := open(t, c, target, Request{Copy: true})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Copy || !s.View.Pod() || s.Container != "shareproc" || !strings.HasPrefix(s.Pod, "web-shareproc-") {
		t.Errorf("got %+v", s)
	}
	// As after Ctrl-C.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.opener().Close(ctx, s); err != nil {
		t.Fatal(err)
	}
	list, err := c.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "web" {
		t.Errorf("left: %v, %v", list.Items, err)
	}
}

// Who may add helpers chooses what runs in them: one of another image is named before a command runs there.
func TestHelperThatIsNotOursIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		image, said string
		change      func(*corev1.EphemeralContainer)
	}{
		"an image of the settings": {"i", "", nil},
		"the default image":        {"busybox:1.37.0-musl", "", nil},
		"another image":            {"mallory/tools", "with image mallory/tools, added by", nil},
		"another command":          {"i", "with a command", func(c *corev1.EphemeralContainer) { c.Command[2] += "; true" }},
		"arguments":                {"i", "with a command", func(c *corev1.EphemeralContainer) { c.Args = []string{"x"} }},
		"another PATH":             {"i", "environment", func(c *corev1.EphemeralContainer) { c.Env = append(c.Env, corev1.EnvVar{Name: "PATH", Value: "/x"}) }},
		"a directory over its /bin": {"i", "mounts", func(c *corev1.EphemeralContainer) {
			c.VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/bin"}}
		}},
		"both": {"mallory/tools", "with image mallory/tools and a command", func(c *corev1.EphemeralContainer) { c.Command = nil }},
	} {
		of := newTarget(withHelper("shareproc-a", "web", c.image, nowRunning()))
		if c.change != nil {
			c.change(&of.Pod.Spec.EphemeralContainers[0])
		}
		cluster := newCluster(of)
		s, err := Open(t.Context(), cluster.deps(stream{}), of, Request{Access: podspec.ReadAll})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said := strings.Join(cluster.said, "\n")
		named := strings.Contains(said, "using helper shareproc-a with ")
		if named != (c.said != "") || !strings.Contains(said, c.said) || s.Container != "shareproc-a" {
			t.Errorf("%s: said %q", name, said)
		}
	}
}

// A Role may be about certain pods only (resourceNames): a review without a name is denied.
func TestPermissionsForOnePodAreEnough(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.onlyPod = "web"
	if _, err := open(t, c, target, Request{}); err != nil {
		t.Error(err)
	}
	if _, err := open(t, c, target, Request{Copy: true}); err == nil || !strings.Contains(err.Error(), "you lack permission to get pods, create pods") {
		t.Errorf("a copy, whose name nobody knows: %v", err)
	}
}
