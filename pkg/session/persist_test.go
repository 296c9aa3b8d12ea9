// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// withShell adds a helper that keeps a shell, which somebody made.
func withShell(name, by string, state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		c := podspec.Helper{Name: name, Image: "i", Target: "web", Keep: 5 * time.Minute, By: by, Persistent: true}.Ephemeral()
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
}

func endedWith(code int32, at time.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.NewTime(at)}}
}

func TestOpenPersistentAddsAShell(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "busybox:1.37.0-musl", nowRunning()))
	c := newCluster(target)
	c.denied = []string{"create pods/exec"}
	s, err := open(t, c, target, Request{Persist: true})
	if err != nil || !s.New || !s.Running || s.Keep != time.Minute || s.Container == "shareproc-a" {
		t.Fatalf("got %+v, %v", s, err)
	}
	pod, err := c.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := Shells(pod); len(got) != 1 || got[0] != s.Container {
		t.Errorf("shells %q", got)
	}
	for _, line := range c.said {
		if strings.Contains(line, "added helper") {
			return
		}
	}
	t.Errorf("said %q", c.said)
}

func TestOpenPersistentWithoutPermission(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.denied = []string{"create pods/attach"}
	_, err := open(t, c, target, Request{Persist: true})
	if err == nil || !strings.Contains(hint.Of(err), `resources: ["pods/attach"]`) || len(c.writes()) > 0 {
		t.Errorf("got %v (%s) after %v", err, hint.Of(err), c.writes())
	}
}

// What a user may do is known before a shell is chosen, so that nothing is opened twice.
func TestAShellIsAttachedToWhereExecIsNotAllowed(t *testing.T) {
	const exec, attach, add = "create pods/exec", "create pods/attach", "patch pods/ephemeralcontainers"
	runs := withHelper("shareproc-a", "web", "i", nowRunning())
	for _, c := range []struct {
		what   string
		edit   func(*corev1.Pod)
		denied []string
		shell  bool
		keeps  bool
		try    string
	}{
		{"exec alone is missing", nil, []string{exec}, true, true, ""},
		{"exec alone is missing, and a helper runs", runs, []string{exec}, true, true, ""},
		{"nothing is missing, and a helper runs", runs, nil, true, false, ""},
		{"attach too", nil, []string{exec, attach}, true, false, exec},
		{"a helper can't be added either", nil, []string{exec, add}, true, false, add},
		{"a command is no shell", nil, []string{exec}, false, false, exec},
	} {
		target := newTarget(c.edit)
		cluster := newCluster(target)
		cluster.denied = c.denied
		d := cluster.deps(stream{})
		s, err := Open(t.Context(), d, target, Request{Access: podspec.ReadAll, Shell: c.shell})
		_, resource, _ := strings.Cut(c.try, " ")
		switch {
		case c.try != "" && (err == nil || !strings.Contains(hint.Of(err), resource) || len(cluster.writes()) > 0):
			t.Errorf("%s: %v, changed %v", c.what, err, cluster.writes())
		case c.try == "" && (err != nil || (s.Keep > 0) != c.keeps):
			t.Errorf("%s: %+v, %v", c.what, s, err)
		}
		if said := strings.Contains(strings.Join(cluster.said, "\n"), "using --persist"); said != c.keeps && c.try == "" {
			t.Errorf("%s: said %q", c.what, cluster.said)
		}
	}
}

func TestFindShell(t *testing.T) {
	now := time.Now()
	edit := func(p *corev1.Pod) {
		withHelper("shareproc-waits", "web", "i", nowRunning())(p)
		withShell("shareproc-old", "anna", endedWith(3, now.Add(-time.Hour)))(p)
		withShell("shareproc-anna", "anna", runningFor(time.Hour))(p)
		withShell("shareproc-bert", "bert", runningFor(time.Minute))(p)
	}
	for name, want := range map[string]string{
		"":                "shareproc-anna", // hers, though not the newest
		"shareproc-bert":  "shareproc-bert",
		"shareproc-old":   "its shell exited with code 3",
		"shareproc-waits": "it has no persistent shell",
		"nginx":           "it has no persistent shell",
	} {
		c := newCluster(newTarget(edit))
		c.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, &authnv1.SelfSubjectReview{Status: authnv1.SelfSubjectReviewStatus{UserInfo: authnv1.UserInfo{Username: "anna"}}}, nil
		})
		s, err := findShell(t.Context(), c.deps(nil), newTarget(edit).Pod, name)
		switch {
		case err == nil && s.Container == want && s.Keep == 5*time.Minute && s.View.Container == "web":
		case err != nil && strings.Contains(err.Error(), want) && hint.Of(err) != "":
		default:
			t.Errorf("%q: %+v, %v", name, s, err)
		}
	}
}

func TestFindShellWhereThereIsNone(t *testing.T) {
	now := time.Now()
	both := func(p *corev1.Pod) {
		withShell("shareproc-late", "", endedWith(7, now))(p)
		withShell("shareproc-early", "", endedWith(3, now.Add(-time.Hour)))(p)
	}
	for want, edit := range map[string]func(*corev1.Pod){
		"no persistent shell is running":                                    nil,
		"no persistent shell is running; shareproc-late exited with code 7": both,
	} {
		_, err := findShell(t.Context(), newCluster(newTarget(nil)).deps(nil), newTarget(edit).Pod, "")
		if err == nil || !strings.HasSuffix(err.Error(), want) || !strings.Contains(hint.Of(err), "--persist") {
			t.Errorf("got %v", err)
		}
	}
}
