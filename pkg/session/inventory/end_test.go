// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// endAll ends everything in namespace shop and names what has ended.
func endAll(t *testing.T, o *opener, force bool) ([]string, error) {
	t.Helper()
	list, err := o.List(t.Context(), Scope{Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	err = o.End(t.Context(), list, force, func(e Entry) { names = append(names, e.String()) })
	slices.Sort(names)
	return names, err
}

func TestEndEndsHelpersAndCopies(t *testing.T) {
	c := inhabited(t, helperOf("shareproc-a", "", since()), copyOfWeb("web-shareproc-a", "", corev1.PodRunning))
	names, err := endAll(t, c.asking(t, "idle 5 used 0\n", nil), false)
	if got := strings.Join(names, ", "); err != nil || got != "helper shareproc-a in pod/web, pod/web-shareproc-a" {
		t.Errorf("ended %s, %v", got, err)
	}
	if got := strings.Join(c.writes(), ", "); got != "delete pod" {
		t.Errorf("changed the cluster by: %s", got)
	}
	for _, a := range c.Actions() {
		if d, ok := a.(clienttesting.DeleteActionImpl); ok && (d.DeleteOptions.Preconditions == nil || *d.DeleteOptions.Preconditions.UID != "uid-of-copy") {
			t.Errorf("deletes whatever has that name: %+v", d.DeleteOptions)
		}
	}
}

func TestEndSaysWhyAHelperStays(t *testing.T) {
	starting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	for _, c := range []struct {
		what  string
		by    string
		state corev1.ContainerState
		end   error
		want  string
		try   string
	}{
		{"in use", "bert", since(), exitCode(exitInUse), "it is running a command (helper added by bert)", "--force"},
		{"in use, of nobody known", "", since(), exitCode(exitInUse), "added by an unknown user", "--force"},
		{"not to be killed", "", since(), exitCode(exitNoKill), "cannot be signaled", ""},
		{"forbidden", "", since(), forbidden("no"), "forbidden", `resources: ["pods/exec"]`},
		{"starting", "", starting, nil, "it has not started yet", "again"},
	} {
		cl := inhabited(t, helperOf("shareproc-a", c.by, c.state), copyOfWeb("web-shareproc-a", "", corev1.PodFailed))
		names, err := endAll(t, cl.asking(t, "idle 0 used 1\n", c.end), false)
		if err == nil || !strings.Contains(err.Error(), "stop helper shareproc-a in pod/web: ") || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(hint.Of(err), c.try) {
			t.Errorf("%s: %v, try %q", c.what, err, hint.Of(err))
		}
		// The rest goes on.
		if got := strings.Join(names, ", "); got != "pod/web-shareproc-a" {
			t.Errorf("%s: ended %q", c.what, got)
		}
	}
}

func TestEndOfWhatIsGoneOrNeverCame(t *testing.T) {
	never := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}
	c := inhabited(t, helperOf("shareproc-a", "", never))
	names, err := endAll(t, c.asking(t, "", errors.New("must not be asked")), false)
	if err != nil || len(names) > 0 || !strings.Contains(strings.Join(c.said, "\n"), "never started (ErrImagePull)") {
		t.Errorf("ended %q, %v, said %q", names, err, c.said)
	}
	// The helper ends between the list and the question: the stream fails, the API says why.
	c = inhabited(t, helperOf("shareproc-a", "", since()))
	o := c.opener()
	o.Ask = func(_ context.Context, at attach.Container, _ []string, _ io.Writer) error {
		c.finish(t, at)
		return errors.New("container not found")
	}
	if names, err := endAll(t, o, false); err != nil || len(names) != 1 {
		t.Errorf("ended %q, %v", names, err)
	}
	// So does the whole pod; one that has its name since is another.
	c = inhabited(t, helperOf("shareproc-a", "", since()))
	o = c.opener()
	o.Ask = func(context.Context, attach.Container, []string, io.Writer) error {
		return c.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), "shop", "web")
	}
	if names, err := endAll(t, o, false); err != nil || len(names) != 1 {
		t.Errorf("ended %q, %v", names, err)
	}
}

func TestEndWaitsNoLongerThanItsTimeout(t *testing.T) {
	c := inhabited(t, helperOf("shareproc-a", "", since()))
	o := c.asking(t, "", nil)
	o.Ask = func(context.Context, attach.Container, []string, io.Writer) error { return nil }
	o.Timeout = 10 * time.Millisecond
	if names, err := endAll(t, o, false); err == nil || !strings.Contains(err.Error(), "still running after 10ms") || len(names) > 0 || hint.Of(err) == "" {
		t.Errorf("ended %q, %v", names, err)
	}
}

func TestEndEndsWithTheContextsCause(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := inhabited(t, helperOf("shareproc-a", "", since()))
	o := c.opener()
	o.Ask = func(context.Context, attach.Container, []string, io.Writer) error {
		cancel(cause)
		return nil
	}
	list, err := o.List(ctx, Scope{Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.End(ctx, list, false, func(Entry) {}); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if _, _, err := o.Mine(ctx, list); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	c.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, context.Canceled })
	if _, err := o.List(ctx, Scope{Namespace: "shop"}); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestEndForces(t *testing.T) {
	for force, want := range map[bool]string{false: wantEnd, true: wantForce} {
		c := inhabited(t, helperOf("shareproc-a", "", since()))
		o := c.opener()
		var asked []string
		o.Ask = func(_ context.Context, at attach.Container, argv []string, _ io.Writer) error {
			asked = argv
			c.finish(t, at)
			return nil
		}
		if _, err := endAll(t, o, force); err != nil || !slices.Contains(asked, want) {
			t.Errorf("force %v: asked %q, %v", force, asked[len(asked)-3:], err)
		}
	}
}

func TestCopyThatMayNotBeDeleted(t *testing.T) {
	c := inhabited(t, nil, copyOfWeb("web-shareproc-a", "", corev1.PodRunning))
	c.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("no") })
	_, err := endAll(t, c.asking(t, "", nil), false)
	if err == nil || !strings.Contains(err.Error(), "delete pod/web-shareproc-a: ") || !strings.Contains(hint.Of(err), `verbs: ["delete"]`) {
		t.Errorf("%v, try %q", err, hint.Of(err))
	}
}

func TestMineIsWhatTheClusterSays(t *testing.T) {
	list := []Entry{{Pod: "a", By: "anna"}, {Pod: "b", By: "bert"}, {Pod: "c"}}
	c := inhabited(t, nil)
	mine, others, err := c.opener().Mine(t.Context(), list)
	if err != nil || len(mine) != 1 || mine[0].Pod != "a" || len(others) != 2 {
		t.Errorf("mine %v, others' %v, %v", mine, others, err)
	}
	c.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("no") })
	if mine, others, err := c.opener().Mine(t.Context(), list); err != nil || len(mine) != 0 || len(others) != 3 {
		t.Errorf("where the cluster says nothing: mine %v, others' %v, %v", mine, others, err)
	}
}

func TestSweepDeletesOwnFinishedCopies(t *testing.T) {
	deleted := copyOfWeb("web-shareproc-e", "anna", corev1.PodFailed)
	now := metav1.Now()
	deleted.DeletionTimestamp, deleted.Finalizers = &now, []string{"x/y"}
	c := inhabited(t, helperOf("shareproc-a", "anna", since()),
		copyOfWeb("web-shareproc-a", "anna", corev1.PodFailed), copyOfWeb("web-shareproc-b", "anna", corev1.PodSucceeded),
		copyOfWeb("web-shareproc-c", "anna", corev1.PodRunning), copyOfWeb("web-shareproc-d", "bert", corev1.PodFailed), deleted)
	swept, err := c.opener().Sweep(t.Context(), "shop")
	if err != nil || len(swept) != 2 || swept[0].Pod != "web-shareproc-a" || swept[1].Pod != "web-shareproc-b" {
		t.Errorf("swept %s, %v", show(swept), err)
	}
	if n := len(c.writes()); n != 2 {
		t.Errorf("changed the cluster by: %v", c.writes())
	}
}

func TestHelpersInACopyGoWithIt(t *testing.T) {
	list := []Entry{
		{Kind: KindCopy, Namespace: "shop", Pod: "a"},
		{Kind: KindHelper, Namespace: "shop", Pod: "a", Container: "x"},
		{Kind: KindHelper, Namespace: "shop", Pod: "b", Container: "x"},
	}
	if got := WithoutNested(list); len(got) != 2 || got[1].Pod != "b" || len(list) != 3 || list[1].Container != "x" {
		t.Errorf("got %v of %v", got, list)
	}
}
