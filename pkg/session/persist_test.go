// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	s, err := open(t, c, target, Wanted{Persist: true})
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
		if strings.Contains(line, "added helper") && strings.Contains(line, "1m after the last key") {
			return
		}
	}
	t.Errorf("said %q", c.said)
}

func TestOpenPersistentWithoutPermission(t *testing.T) {
	target := newTarget(nil)
	c := newCluster(target)
	c.denied = []string{"create pods/attach"}
	_, err := open(t, c, target, Wanted{Persist: true})
	if err == nil || !strings.Contains(hint.Of(err), `resources: ["pods/attach"]`) || len(c.writes()) > 0 {
		t.Errorf("got %v (%s) after %v", err, hint.Of(err), c.writes())
	}
}

func TestOnlyAttach(t *testing.T) {
	both := []string{"create pods/exec", "create pods/attach"}
	for _, test := range []struct {
		what   string
		denied []string
		want   bool
	}{
		{"exec alone is missing", both[:1], true},
		{"attach too", both, false},
		{"a helper can't be added either", []string{"create pods/exec", "patch pods/ephemeralcontainers"}, false},
	} {
		target := newTarget(nil)
		c := newCluster(target)
		c.denied = test.denied
		_, err := open(t, c, target, Wanted{})
		if got := c.opener().OnlyAttach(t.Context(), "shop", false, err); err == nil || got != test.want {
			t.Errorf("%s: %v for %v", test.what, got, err)
		}
	}
	o := newCluster(newTarget(nil)).opener()
	refused := forbidden("may not exec")
	if !o.OnlyAttach(t.Context(), "shop", true, refused) || o.OnlyAttach(t.Context(), "shop", false, refused) {
		t.Error("an answer that says forbidden counts in an open session alone")
	}
	if o.OnlyAttach(t.Context(), "shop", true, errors.New("exit code 3")) {
		t.Error("a shell's end is no want of permission")
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
		"shareproc-old":   "its shell has ended with exit code 3",
		"shareproc-waits": "no shell was left there",
		"nginx":           "no shell was left there",
	} {
		c := inhabited(t, edit)
		s, err := c.opener().FindShell(t.Context(), newTarget(edit).Pod, name)
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
		"no shell was left in it": nil,
		"no shell was left in it; shareproc-late has ended with exit code 7": both,
	} {
		_, err := newCluster(newTarget(nil)).opener().FindShell(t.Context(), newTarget(edit).Pod, "")
		if err == nil || !strings.HasSuffix(err.Error(), want) || !strings.Contains(hint.Of(err), "--persist") {
			t.Errorf("got %v", err)
		}
	}
}

func TestShellExit(t *testing.T) {
	s := Session{Namespace: "shop", Pod: "web", Container: "shareproc-a"}
	c := newCluster(newTarget(withShell("shareproc-a", "", endedWith(5, time.Now()))))
	if code, ok := c.opener().ShellExit(t.Context(), s, time.Minute); !ok || code != 5 {
		t.Errorf("got %d, %v", code, ok)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c = newCluster(newTarget(withShell("shareproc-a", "", nowRunning())))
	if code, ok := c.opener().ShellExit(ctx, s, time.Minute); ok {
		t.Errorf("a shell that runs has ended with %d", code)
	}
	s.Pod = "gone"
	if code, ok := c.opener().ShellExit(t.Context(), s, time.Minute); ok {
		t.Errorf("a pod that is gone told %d", code)
	}
}
