// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

// began is when everything in these tests did.
func began() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// helperOf adds a helper that somebody made, in some state.
func helperOf(name, by string, state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		c := podspec.Helper{Name: name, Image: "i", Target: "web", Keep: 10 * time.Minute, By: by}.Ephemeral()
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
}

func since() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began())}}
}

func ended() corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
}

// copyOfWeb is a copy that somebody made.
func copyOfWeb(name, by string, phase corev1.PodPhase) *corev1.Pod {
	p, _ := podspec.Copy{Name: name, Image: "i", TTL: time.Hour, By: by}.Of(newPod(nil))
	start := metav1.NewTime(began())
	p.Status = corev1.PodStatus{Phase: phase, StartTime: &start}
	p.UID = "uid-of-copy"
	return p
}

// inhabited is a cluster with these pods beside web, in which the user is anna.
func inhabited(t *testing.T, edit func(*corev1.Pod), pods ...*corev1.Pod) *fakeAPI {
	t.Helper()
	c := newFakeAPI(newPod(edit))
	for _, p := range pods {
		if err := c.Tracker().Add(p); err != nil {
			t.Fatal(err)
		}
	}
	c.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authnv1.SelfSubjectReview{Status: authnv1.SelfSubjectReviewStatus{UserInfo: authnv1.UserInfo{Username: "anna"}}}, nil
	})
	return c
}

// exitCode is an error as attach's.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprint("exit code ", int(e)) }
func (e exitCode) ExitCode() int { return int(e) }

// asking is an opener whose helpers give the answer; said to end, they do, where end is nil.
func (c *fakeAPI) asking(t *testing.T, answer string, end error) *opener {
	t.Helper()
	o := c.opener()
	o.Ask = func(_ context.Context, at attach.Container, argv []string, stdout io.Writer) error {
		if _, err := io.WriteString(stdout, answer); err != nil {
			return err
		}
		if slices.Contains(argv, wantLook) || end != nil {
			return end
		}
		c.finish(t, at)
		return exitCode(137) // the script may go with the container
	}
	return o
}

// finish makes the kubelet say that a helper has ended.
func (c *fakeAPI) finish(t *testing.T, at attach.Container) {
	t.Helper()
	p, err := c.CoreV1().Pods(at.Namespace).Get(t.Context(), at.Pod, metav1.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	st, _ := podspec.Status(p, at.Name)
	st.State = ended()
	if err := c.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), p, at.Namespace); err != nil {
		t.Error(err)
	}
}

func show(list []Entry) string {
	var lines []string
	for _, e := range list {
		line := fmt.Sprintf("%s %s %s/%s of %s%s by %q %s", e.Kind, e.Namespace, e.Pod, e.Container, e.Target, e.CopyOf, e.By, e.State)
		if !e.Since.IsZero() {
			line += e.Since.Format(" since 15:04")
		}
		if !e.Ends.IsZero() {
			line += e.Ends.Format(" until 15:04")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestEntriesOfAPod(t *testing.T) {
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	now := metav1.Now()
	for _, c := range []struct {
		sentence string
		pod      *corev1.Pod
		want     string
	}{
		{"a running helper", newPod(helperOf("shareproc-a", "anna", since())), `helper shop web/shareproc-a of web by "anna" running since 12:00`},
		{"one that starts", newPod(helperOf("shareproc-a", "", waiting("ContainerCreating"))), `helper shop web/shareproc-a of web by "" starting`},
		{"one that the kubelet has not seen", newPod(func(p *corev1.Pod) {
			helperOf("shareproc-a", "", since())(p)
			p.Status.EphemeralContainerStatuses = nil
		}), `helper shop web/shareproc-a of web by "" starting`},
		{"one that never will", newPod(helperOf("shareproc-a", "", waiting("ImagePullBackOff"))), `helper shop web/shareproc-a of web by "" ImagePullBackOff`},
		{"not one that has ended", newPod(helperOf("shareproc-a", "anna", ended())), ""},
		{"nor one whose pod has", newPod(func(p *corev1.Pod) {
			helperOf("shareproc-a", "anna", since())(p)
			p.Status.Phase = corev1.PodSucceeded
		}), ""},
		{"nor somebody's debugger", newPod(helperOf("debugger-a", "anna", since())), ""},
		{"a helper in a pod that is being deleted", newPod(func(p *corev1.Pod) {
			helperOf("shareproc-a", "anna", since())(p)
			p.DeletionTimestamp = &now
		}), `helper shop web/shareproc-a of web by "anna" terminating since 12:00`},
		{"a copy", copyOfWeb("web-shareproc-a", "bert", corev1.PodRunning), `copy shop web-shareproc-a/shareproc of web by "bert" running since 12:00 until 13:00`},
		{"a copy that starts", copyOfWeb("web-shareproc-a", "", corev1.PodPending), `copy shop web-shareproc-a/shareproc of web by "" starting since 12:00 until 13:00`},
		{"a copy that the cluster ended", copyOfWeb("web-shareproc-a", "", corev1.PodFailed), `copy shop web-shareproc-a/shareproc of web by "" finished since 12:00`},
		{"no copy is what only has our label", newPod(func(p *corev1.Pod) { p.Labels = map[string]string{podspec.LabelManagedBy: podspec.ManagedBy} }), ""},
		{"nor what got our marks later: who may patch a pod may not have it deleted", newPod(func(p *corev1.Pod) {
			p.Labels = map[string]string{podspec.LabelManagedBy: podspec.ManagedBy}
			p.Annotations = map[string]string{podspec.AnnotationCopyOf: "x", podspec.AnnotationCreatedBy: "anna"}
			p.Status.Phase = corev1.PodSucceeded
		}), ""},
	} {
		if got := show(entriesOf(c.pod)); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.sentence, got, c.want)
		}
	}
}

func TestListLooksWhereItIsTold(t *testing.T) {
	other := newPod(helperOf("shareproc-z", "", since()))
	other.Namespace = "attic"
	orphan := copyOfWeb("gone-shareproc-a", "", corev1.PodRunning)
	orphan.Annotations[podspec.AnnotationCopyOf] = "gone"
	c := inhabited(t, func(p *corev1.Pod) {
		helperOf("shareproc-a", "", since())(p)
		helperOf("shareproc-b", "", since())(p)
	}, other, orphan, copyOfWeb("web-shareproc-a", "", corev1.PodRunning))
	for _, l := range []struct {
		in   Scope
		want string
	}{
		{Scope{Namespace: "shop"}, "gone-shareproc-a/shareproc web/shareproc-a web/shareproc-b web-shareproc-a/shareproc"},
		{Scope{}, "web/shareproc-z gone-shareproc-a/shareproc web/shareproc-a web/shareproc-b web-shareproc-a/shareproc"},
		{Scope{Namespace: "shop", Pod: "web"}, "web/shareproc-a web/shareproc-b web-shareproc-a/shareproc"},
		{Scope{Namespace: "shop", Pod: "web", Container: "shareproc-b"}, "web/shareproc-b"},
		{Scope{Namespace: "shop", Pod: "web", Container: "shareproc-c"}, ""},
		{Scope{Namespace: "shop", Pod: "web-shareproc-a"}, "web-shareproc-a/shareproc"},
		{Scope{Namespace: "shop", Pod: "gone"}, "gone-shareproc-a/shareproc"},
		{Scope{Namespace: "empty"}, ""},
	} {
		list, err := c.opener().List(t.Context(), l.in)
		var names []string
		for _, e := range list {
			names = append(names, e.Pod+"/"+e.Container)
		}
		if got := strings.Join(names, " "); err != nil || got != l.want {
			t.Errorf("%+v: got %q, %v", l.in, got, err)
		}
	}
	_, err := c.opener().List(t.Context(), Scope{Namespace: "shop", Pod: "nowhere"})
	if err == nil || !strings.Contains(err.Error(), `pod "nowhere" not found`) || hint.Of(err) == "" {
		t.Errorf("a pod that is not there: %v", err)
	}
}

func TestListReadsEveryPage(t *testing.T) {
	c := inhabited(t, nil)
	pages := 0
	c.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pages++
		list := &corev1.PodList{Items: []corev1.Pod{*copyOfWeb(fmt.Sprint("web-shareproc-", pages), "", corev1.PodRunning)}}
		if want := []string{"", "page 2"}[pages-1]; a.(clienttesting.ListActionImpl).ListOptions.Continue != want {
			t.Errorf("page %d was asked for by %q", pages, want)
		}
		if pages == 1 {
			list.Continue = "page 2"
		}
		return true, list, nil
	})
	if list, err := c.opener().List(t.Context(), Scope{Namespace: "shop"}); err != nil || len(list) != 2 {
		t.Errorf("got %s, %v", show(list), err)
	}
}

func TestListWithoutPermissionPrintsTheRule(t *testing.T) {
	c := inhabited(t, helperOf("shareproc-a", "", since()))
	c.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("no") })
	const rule = "\n- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]"
	_, err := c.opener().List(t.Context(), Scope{Namespace: "shop"})
	if try := hint.Of(err); !strings.Contains(try, "your Role in namespace shop:"+rule) {
		t.Errorf("%v, try %q", err, try)
	}
	_, err = c.opener().List(t.Context(), Scope{})
	if try := hint.Of(err); !strings.Contains(try, "ClusterRole") || !strings.Contains(try, rule) {
		t.Errorf("%v, try %q", err, try)
	}
	// Permission to get a pod is enough for that pod.
	list, err := c.opener().List(t.Context(), Scope{Namespace: "shop", Pod: "web"})
	if err != nil || len(list) != 1 || !strings.Contains(strings.Join(c.said, "\n"), "you lack permission to list pods") {
		t.Errorf("%s, %v, said %q", show(list), err, c.said)
	}
}

func TestLookAtTellsWhenAHelperEnds(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		err          error
		state        State
		ends         time.Duration
	}{
		{"idle", "idle 180 used 0\n", nil, StateRunning, 7 * time.Minute},
		{"in use", "idle 5 used 1\n", nil, StateInUse, 10 * time.Minute},
		{"idle for longer than it should", "idle 700 used 0\n", nil, StateRunning, 0},
		{"cut", "idle 1", nil, StateRunning, -1},
		{"cut at the end", "idle 1 used 1", nil, StateRunning, -1},
		{"nothing", "", nil, StateRunning, -1},
		{"nonsense", "\x1b[31m\n", nil, StateRunning, -1},
		{"negative", "idle -5 used 0\n", nil, StateRunning, -1},
		{"endless", strings.Repeat("idle 5 used 0\n", 100), nil, StateRunning, -1},
		{"an exit code", "idle 5 used 0\n", exitCode(exitNoProcess), StateRunning, -1},
		{"forbidden", "", forbidden("no"), StateRunning, -1},
	} {
		cl := inhabited(t, helperOf("shareproc-a", "", since()), copyOfWeb("web-shareproc-a", "", corev1.PodRunning))
		o := cl.asking(t, c.answer, c.err)
		list, err := o.List(t.Context(), Scope{Namespace: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		o.LookAt(t.Context(), list)
		e := list[0]
		left := time.Until(e.Ends).Round(time.Minute)
		if e.State != c.state || (c.ends < 0) != e.Ends.IsZero() || c.ends >= 0 && left != c.ends {
			t.Errorf("%s: %s, ends in %s", c.what, e.State, left)
		}
	}
}

// A hundred helpers on nodes that do not answer must not be asked one after the other, nor all at once.
func TestLookAtAsksEightAtOnce(t *testing.T) {
	var now, most atomic.Int32
	full := make(chan struct{})
	o := inhabited(t, nil).opener()
	o.Ask = func(ctx context.Context, _ attach.Container, _ []string, _ io.Writer) error {
		n := now.Add(1)
		defer now.Add(-1)
		if n > most.Load() {
			most.Store(n)
		}
		if n == askAtOnce {
			close(full)
		}
		select {
		case <-full:
		case <-ctx.Done():
		}
		return errors.New("no answer")
	}
	list := make([]Entry, 8)
	for i := range list {
		list[i] = Entry{Kind: KindHelper, State: StateRunning}
	}
	o.LookAt(t.Context(), list)
	if most.Load() != askAtOnce {
		t.Errorf("%d at once", most.Load())
	}
}

// Looking is no command: it must not leave the mark that keeps a helper from ending.
func TestLookingLeavesNoMark(t *testing.T) {
	for _, want := range []string{wantLook, wantEnd, wantForce} {
		if argv := helperCommand(want, "s", "p"); slices.Contains(argv, launch.New(nil).Argv()[2]) || strings.Contains(argv[2], podspec.Notes) {
			t.Errorf("%q", argv)
		}
	}
}

// What never started is no session: there is nothing to see in it and nothing to end.
func TestWhatNeverStartedIsCounted(t *testing.T) {
	pod := newPod(func(p *corev1.Pod) {
		helperOf("shareproc-a", "anna", since())(p)
		helperOf("shareproc-b", "anna", corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}})(p)
		helperOf("shareproc-c", "anna", corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}})(p)
	})
	started, never := Started(entriesOf(pod))
	if len(started) != 2 || never != 1 || started[0].Container != "shareproc-a" || started[1].Container != "shareproc-c" {
		t.Errorf("%d never started; %+v", never, started)
	}
}
