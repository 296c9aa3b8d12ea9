// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/sessions"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
)

// helperWire answers as a helper that has been idle for two minutes, and ends when it is asked to.
type helperWire struct {
	localWire
	d    *harness
	s    attach.Container
	code int
}

func (w helperWire) Run(ctx context.Context, argv []string, _ io.Reader, stdout, _ io.Writer) error {
	text := "idle 120 used 0\n"
	if w.code != 0 {
		text = "idle 0 used 1\n"
	}
	if _, err := io.WriteString(stdout, text); err != nil || slices.Contains(argv, "look") {
		return err
	}
	if w.code != 0 && !slices.Contains(argv, "force") {
		return &attach.ExitError{Code: w.code}
	}
	p, err := w.d.client.CoreV1().Pods(w.s.Namespace).Get(ctx, w.s.Pod, metav1.GetOptions{})
	if err != nil {
		return err
	}
	st, _ := podspec.Status(p, w.s.Name)
	st.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	return w.d.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), p, w.s.Namespace)
}

// leftHarness has, in namespace shop, pod web with a helper that anna made and one that bert made, a copy of each of them and
// a finished one of anna's; in namespace attic there is a copy of nobody's. Whoever sits at it is anna. code is what a helper
// says that is asked to end.
func leftHarness(t *testing.T, code int) *harness {
	t.Helper()
	d := newHarness(t)
	pods := corev1.SchemeGroupVersion.WithResource("pods")
	web, err := d.client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	web.Spec.EphemeralContainers, web.Status.EphemeralContainerStatuses = nil, nil
	for _, by := range []string{"anna", "bert"} {
		name := "shareproc-" + by
		web.Spec.EphemeralContainers = append(web.Spec.EphemeralContainers, podspec.Helper{
			Name: name, Image: "busybox:1", Target: "web", Keep: 9*time.Minute + 30*time.Second, By: by,
			Security: &corev1.SecurityContext{RunAsUser: new(int64(0)), RunAsGroup: new(int64(5)), Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}},
		}.Ephemeral())
		web.Status.EphemeralContainerStatuses = append(web.Status.EphemeralContainerStatuses, corev1.ContainerStatus{
			Name: name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(time.Now().Add(-3 * time.Minute))}},
		})
	}
	if err := d.client.Tracker().Update(pods, web, "shop"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, namespace, by string
		phase               corev1.PodPhase
	}{
		{"web-shareproc-anna", "shop", "anna", corev1.PodRunning},
		{"web-shareproc-bert", "shop", "bert", corev1.PodRunning},
		{"web-shareproc-over", "shop", "anna", corev1.PodFailed},
		{"db-shareproc-x", "attic", "", corev1.PodRunning},
	} {
		of := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: strings.Split(c.name, "-")[0], Namespace: c.namespace}, Spec: web.Spec}
		p, _ := podspec.Copy{Name: c.name, Image: "busybox:1", TTL: time.Hour, By: c.by}.Of(of)
		p.Status = corev1.PodStatus{Phase: c.phase, StartTime: &metav1.Time{Time: time.Now().Add(-10 * time.Minute)}}
		if err := d.client.Tracker().Create(pods, p, c.namespace); err != nil {
			t.Fatal(err)
		}
	}
	d.client.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authnv1.SelfSubjectReview{Status: authnv1.SelfSubjectReviewStatus{UserInfo: authnv1.UserInfo{Username: "anna"}}}, nil
	})
	d.Exec = func(s attach.Container, _ bool) (cluster.Exec, error) { return helperWire{d: d, s: s, code: code}, nil }
	return d
}

// words are the lines of a text, with single spaces.
func words(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

func TestSessionsTable(t *testing.T) {
	d := leftHarness(t, 0)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, `POD CONTAINER KIND TARGET BY SINCE EXPIRES STATE
web shareproc-anna helper web anna 3m in 7m29s running
web shareproc-bert helper web bert 3m in 7m29s running
web-shareproc-anna shareproc copy copy of web anna 10m in 49m running
web-shareproc-bert shareproc copy copy of web bert 10m in 49m running
web-shareproc-over shareproc copy copy of web anna 10m - finished
`},
		{[]string{"pod/web/shareproc-anna", "-o", "wide"}, `POD CONTAINER KIND TARGET BY SINCE EXPIRES STATE SECURITY IMAGE REASON
web shareproc-anna helper web anna 3m in 7m29s running 0:5+SYS_PTRACE busybox:1 -
`},
		{[]string{"web-shareproc-bert", "--no-headers"}, "web-shareproc-bert shareproc copy copy of web bert 10m in 49m running\n"},
		{[]string{"-o", "custom-columns=POD:.pod,BY:.createdBy", "--no-headers"}, "web anna\nweb bert\n"},
		{[]string{"-o", "custom-columns=POD:.pod,BY:.createdBy"}, "POD BY\nweb anna\n"},
		{[]string{"web", "-o", "name"}, "pod/web/shareproc-anna\npod/web/shareproc-bert\npod/web-shareproc-anna\npod/web-shareproc-bert\npod/web-shareproc-over\n"},
		{[]string{"-A", "--no-headers"}, "attic db-shareproc-x shareproc copy copy of db - 10m in 49m running\nshop web"},
	} {
		if code := d.run(t.Context(), append([]string{"sessions"}, c.args...)...); code != 0 || d.errOut.Len() > 0 || !strings.HasPrefix(words(d.out.String()), c.want) {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", c.args, code, d.errOut.String(), words(d.out.String()))
		}
	}
	for _, a := range d.client.Actions() {
		if verb := a.GetVerb(); verb != "list" && verb != "get" {
			t.Errorf("looking did %s %s", verb, a.GetResource().Resource)
		}
	}
}

func TestSessionsColourTheStateAndNothingElse(t *testing.T) {
	d := leftHarness(t, 3)
	for _, args := range [][]string{{"sessions"}, {"sessions", "-A", "-o", "wide"}} {
		if code := d.run(t.Context(), append(args, "--color", "always")...); code != 0 {
			t.Fatal(d.errOut.String())
		}
		painted := regexp.MustCompile(`\x1b\[([0-9;]+)m([^\x1b]*)`).FindAllStringSubmatch(d.out.String(), -1)
		found := 0
		for _, p := range painted {
			if p[1] == "0" {
				continue
			}
			found++
			if p[1] != string(output.Yellow) || p[2] != string(inventory.StateInUse) {
				t.Errorf("%q: %q is painted %s", args, p[2], p[1])
			}
		}
		if found < 2 {
			t.Errorf("%q: %d states are painted in\n%s", args, found, d.out.String())
		}
	}
}

func TestSessionsDocument(t *testing.T) {
	d := leftHarness(t, 3)
	if code := d.run(t.Context(), "sessions", "-o", "json"); code != 0 {
		t.Fatal(d.errOut.String())
	}
	var list sessions.SessionList
	if err := json.Unmarshal(d.out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if list.Kind != "SessionList" || list.APIVersion != output.APIVersion || len(list.Items) != 5 {
		t.Fatalf("got %s", d.out.String())
	}
	helper, over := list.Items[0], list.Items[4]
	left := time.Until(helper.EndsAt.Time)
	if helper.Kind != inventory.KindHelper || helper.State != inventory.StateInUse || helper.TargetContainer != "web" || helper.CreatedBy != "anna" ||
		left < 9*time.Minute || left > 10*time.Minute || helper.StartTime == nil || helper.SecurityContext == nil {
		t.Errorf("got %+v", helper)
	}
	if over.Kind != inventory.KindCopy || over.State != inventory.StateFinished || over.CopyOf != "web" || over.EndsAt != nil {
		t.Errorf("got %+v", over)
	}
}

func TestNoSessions(t *testing.T) {
	d := newHarness(t)
	if err := d.client.CoreV1().Pods("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args        []string
		out, errOut string
	}{
		{[]string{"sessions"}, "", "no sessions found in namespace shop\n"},
		{[]string{"sessions", "-o", "name"}, "", "no sessions found in namespace shop\n"},
		{[]string{"sessions", "-A"}, "", "no sessions found in any namespace\n"},
		{[]string{"sessions", "-q"}, "", ""},
		{[]string{"sessions", "-o", "yaml"}, "apiVersion: kubectl-shareproc/v1alpha1\nitems: []\nkind: SessionList\n", ""},
		{[]string{"clean"}, "", "nothing to remove in namespace shop\n"},
		{[]string{"clean", "-A", "--all", "--dry-run"}, "", "nothing to remove in any namespace\n"},
	} {
		if code := d.run(t.Context(), c.args...); code != 0 || d.out.String() != c.out || d.errOut.String() != c.errOut {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.args, code, d.out.String(), d.errOut.String())
		}
	}
}

func TestSessionsAndCleanRefuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"sessions", "-o", "table"}, cli.ExitUsage, `-o "table": not one of wide, name, json, yaml, jsonpath=`},
		{[]string{"sessions", "-A", "-o", "name"}, cli.ExitUsage, "-o name and -A are mutually exclusive"},
		{[]string{"sessions", "-A", "web"}, cli.ExitUsage, `-A and a name ("web")`},
		{[]string{"sessions", "a", "b"}, cli.ExitUsage, `unexpected argument "b"`},
		{[]string{"sessions", "job/web"}, cli.ExitUsage, "only a pod can be used here"},
		{[]string{"sessions", "Web!"}, cli.ExitUsage, "is not a valid pod name"},
		{[]string{"sessions", "pod/web/A_B"}, cli.ExitUsage, "not the name of a helper"},
		{[]string{"sessions", "gone"}, cli.ExitError, `pod "gone" not found in namespace "shop", nor a copy of it`},
		{[]string{"clean", "-A", "web"}, cli.ExitUsage, `-A and a name ("web")`},
		{[]string{"clean", "--timeout", "0s"}, cli.ExitUsage, "--timeout 0s"},
		{[]string{"clean", "job/web"}, cli.ExitUsage, "only a pod can be used here"},
		{[]string{"clean", "gone"}, cli.ExitError, `pod "gone" not found`},
		{[]string{"clean", "web-shareproc-bert"}, cli.ExitError, "remove pod/web-shareproc-bert: it is not yours: it was created by bert\ntry: add --all"},
	} {
		d := leftHarness(t, 0)
		code := d.run(t.Context(), c.args...)
		if code != c.code || !strings.Contains(d.errOut.String(), c.want) || !strings.Contains(d.errOut.String(), "\ntry: ") || d.out.Len() > 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.args, code, d.out.String(), d.errOut.String())
		}
		for _, a := range d.client.Actions() {
			if a.GetVerb() == "delete" {
				t.Errorf("%q deletes", c.args)
			}
		}
	}
}

func TestSessionsWithoutPermission(t *testing.T) {
	d := leftHarness(t, 0)
	d.Exec = func(attach.Container, bool) (cluster.Exec, error) {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods/exec"}, "web", nil)
	}
	if d.run(t.Context(), "sessions"); !strings.Contains(words(d.out.String()), "shareproc-anna helper web anna 3m - running\n") {
		t.Errorf("stdout %q", d.out.String())
	}
	if code := d.run(t.Context(), "clean", "pod/web/shareproc-anna"); code != cli.ExitError || !strings.Contains(d.errOut.String(), `resources: ["pods/exec"]`) {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
	d.client.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
	})
	if code := d.run(t.Context(), "sessions", "-A"); code != cli.ExitError || !strings.Contains(d.errOut.String(), "\ntry: use -n NAMESPACE instead of -A, or") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		args []string
		used bool
		code int
		out  string
		said string
	}{
		{nil, false, 0, "helper shareproc-anna in pod/web stopped\npod/web-shareproc-anna deleted\npod/web-shareproc-over deleted\n", "skipped 2 of other users"},
		{[]string{"web", "-q"}, false, 0, "helper shareproc-anna in pod/web stopped\npod/web-shareproc-anna deleted\npod/web-shareproc-over deleted\n", ""},
		{[]string{"web-shareproc-anna"}, false, 0, "pod/web-shareproc-anna deleted\n", ""},
		{[]string{"pod/web/shareproc-anna", "pod/web/shareproc-anna", "web-shareproc-anna"}, false, 0, "helper shareproc-anna in pod/web stopped\npod/web-shareproc-anna deleted\n", ""},
		{[]string{"pod/web/shareproc-bert", "--all", "-y"}, false, 0, "helper shareproc-bert in pod/web stopped\n", ""},
		{[]string{"pod/web/shareproc-none"}, false, 0, "", "nothing to remove in container shareproc-none in pod/web in namespace shop"},
		{[]string{"-A", "--all", "--dry-run"}, false, 0, `helper shareproc-anna in pod/web stopped (dry run)
helper shareproc-bert in pod/web stopped (dry run)
pod/db-shareproc-x deleted (dry run)
pod/web-shareproc-anna deleted (dry run)
pod/web-shareproc-bert deleted (dry run)
pod/web-shareproc-over deleted (dry run)
`, ""},
		{[]string{"--dry-run"}, true, 0, "pod/web-shareproc-anna deleted (dry run)\npod/web-shareproc-over deleted (dry run)\n", "helper shareproc-anna in pod/web would be skipped: a command is running in it"},
		{nil, true, cli.ExitError, "pod/web-shareproc-anna deleted\npod/web-shareproc-over deleted\n", "error: stop helper shareproc-anna in pod/web: it is running a command (helper added by anna)\ntry: run it again once the command has exited, or add --force"},
		{[]string{"--force"}, true, 0, "helper shareproc-anna in pod/web stopped\npod/web-shareproc-anna deleted\npod/web-shareproc-over deleted\n", ""},
	} {
		code := 0
		if c.used {
			code = 3
		}
		d := leftHarness(t, code)
		code = d.run(t.Context(), append([]string{"clean"}, c.args...)...)
		lines := slices.Sorted(strings.Lines(d.out.String()))
		if got := strings.Join(lines, ""); code != c.code || got != c.out || !strings.Contains(d.errOut.String(), c.said) ||
			slices.Contains(c.args, "-q") && d.errOut.Len() > 0 {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", c.args, code, d.errOut.String(), got)
		}
		if slices.Contains(c.args, "--dry-run") && slices.ContainsFunc(d.client.Actions(), func(a clienttesting.Action) bool { return a.GetVerb() == "delete" }) {
			t.Errorf("%q deletes", c.args)
		}
	}
}

// asked runs clean on a terminal at which somebody types.
func asked(ctx context.Context, t *testing.T, d *harness, typed string, args ...string) int {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal here")
	}
	t.Cleanup(func() { keys.Close(); tty.Close() })
	d.Streams.In = tty
	if _, err := io.WriteString(keys, typed); err != nil {
		t.Fatal(err)
	}
	return d.run(ctx, append([]string{"clean"}, args...)...)
}

func TestCleanAsksOnATerminal(t *testing.T) {
	for _, c := range []struct {
		typed string
		args  []string
		ended bool
	}{
		{"y\n", nil, true},
		{"YES\n", nil, true},
		{"n\n", nil, false},
		{"\n", nil, false},
		{"yeah\n", nil, false},
		{"\x04", nil, false},
		{"", []string{"-y"}, true},
		{"n\n", []string{"-q"}, false},
	} {
		d := leftHarness(t, 0)
		code := asked(t.Context(), t, d, c.typed, append(c.args, "web-shareproc-anna")...)
		if ended := d.out.String() == "pod/web-shareproc-anna deleted\n"; code != 0 || ended != c.ended {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.typed, code, d.out.String(), d.errOut.String())
		}
		if question := strings.Contains(d.errOut.String(), "Remove these 1? [y/N] "); question != !slices.Contains(c.args, "-y") {
			t.Errorf("%q %q: stderr %q", c.typed, c.args, d.errOut.String())
		}
	}
}

func TestInterruptedQuestion(t *testing.T) {
	d := leftHarness(t, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cli.ErrInterrupted) })
	if code := asked(ctx, t, d, "", "web-shareproc-anna"); code != cli.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestCleanIntoAClosedPipe(t *testing.T) {
	d := leftHarness(t, 0)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	d.Streams.Out = w
	if code := d.run(t.Context(), "clean", "web-shareproc-anna"); code != cli.ExitPipe {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}
