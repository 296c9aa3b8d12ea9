// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
)

// Say is the cluster's: it keeps what a user would see.
func (c *fakeAPI) Say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

func (c *fakeAPI) Warn(format string, args ...any) { c.Say(format, args...) }

func (c *fakeAPI) Waiting(string) {}

// stream ends at once, as the test wants, after something has happened in the cluster.
type stream struct {
	happens func()
	err     error
}

func (s stream) end(ctx context.Context) error {
	if s.happens != nil {
		s.happens()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.err
}

func (s stream) Run(ctx context.Context, _ []string, _ io.Reader, _, _ io.Writer) error {
	return s.end(ctx)
}

func (s stream) Shell(ctx context.Context, _ []string, _ *attach.Terminal) error { return s.end(ctx) }

func (s stream) Attach(ctx context.Context, _ *attach.Terminal, _ attach.Keys) error {
	return s.end(ctx)
}

// change edits the pod as the kubelet and the API server would.
func (c *fakeAPI) change(t *testing.T, edit func(*corev1.Pod)) {
	t.Helper()
	pods := corev1.SchemeGroupVersion.WithResource("pods")
	object, err := c.Tracker().Get(pods, "shop", "web")
	if err != nil {
		t.Fatal(err)
	}
	pod := object.(*corev1.Pod).DeepCopy()
	edit(pod)
	if err := c.Tracker().Update(pods, pod, "shop"); err != nil {
		t.Fatal(err)
	}
}

func terminatedWith(code int32, reason string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
}

func helperEnds(p *corev1.Pod) {
	p.Status.EphemeralContainerStatuses[0].State = terminatedWith(137, "Error")
}

func targetRestarts(code int32, reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		helperEnds(p)
		st := &p.Status.ContainerStatuses[0]
		st.LastTerminationState, st.RestartCount, st.ContainerID = terminatedWith(code, reason), 1, "containerd://bbbb"
	}
}

// Whatever ends a stream that the command did not end, exactly one line says so, before anything else can be typed.
func TestEveryEndOfASessionIsTold(t *testing.T) {
	lost := fmt.Errorf("exec in web/shareproc-a: %w", attach.ErrLost)
	exit := func(code int) error { return &attach.ExitError{Code: code} }
	unknown := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}},
	}}
	for _, c := range []struct {
		sentence string
		happens  func(*corev1.Pod) // nil: the pod is deleted
		stream   error
		want     string
	}{
		{"the target restarts", targetRestarts(1, "Error"), exit(137), "session ended: container web in pod/web restarted with exit code 1 (Error)"},
		{
			"the target is out of memory", targetRestarts(137, "OOMKilled"), exit(137),
			"session ended: container web in pod/web restarted: out of memory (OOMKilled, exit code 137)",
		},
		{"the target ends", func(p *corev1.Pod) {
			helperEnds(p)
			p.Status.ContainerStatuses[0].State = terminatedWith(0, "Completed")
		}, exit(137), "session ended: container web in pod/web terminated with exit code 0 (Completed)"},
		{"the pod is gone", nil, exit(137), "session ended: pod/web was deleted"},
		{"the pod is gone while the line breaks", nil, lost, "session ended: pod/web was deleted"},
		{"another pod has its name", func(p *corev1.Pod) { p.UID = "other" }, exit(137), "session ended: pod/web was deleted and replaced by one of the same name"},
		{"the pod is being deleted", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }, exit(137), "session ended: pod/web is being deleted"},
		{"the pod is evicted", func(p *corev1.Pod) {
			helperEnds(p)
			p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource:\n memory."
		}, exit(137), "session ended: pod/web was evicted: The node was low on resource: memory."},
		{"the helper is killed", helperEnds, exit(137), "session ended: container shareproc-a in pod/web terminated with exit code 137 (Error)"},
		{
			"the helper is killed along with what took too much memory", func(p *corev1.Pod) { p.Status.EphemeralContainerStatuses[0].State = terminatedWith(137, "OOMKilled") },
			exit(137), "session ended: helper shareproc-a in pod/web ran out of memory",
		},
		{"the helper is killed with a limit of the pod's", func(p *corev1.Pod) {
			p.Status.EphemeralContainerStatuses[0].State = terminatedWith(137, "OOMKilled")
			for i := range p.Spec.Containers {
				p.Spec.Containers[i].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")}
			}
		}, exit(137), "session ended: helper shareproc-a in pod/web ran out of memory: the pod may use 64Mi"},
		{"the helper is asked to exit", func(p *corev1.Pod) {
			p.Status.EphemeralContainerStatuses[0].State = terminatedWith(143, "")
		}, exit(143), "session ended: container shareproc-a in pod/web terminated with exit code 143"},
		{"the connection is cut", func(*corev1.Pod) {}, lost, "exec in web/shareproc-a: connection lost"},
		{"the node is lost", func(p *corev1.Pod) { p.Spec.NodeName = "node-1" }, lost, "node node-1 of pod/web is not ready: exec in web/shareproc-a: connection lost"},
		{"exec is refused", func(*corev1.Pod) {}, forbidden("not you"), `pods "web" is forbidden: not you`},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
			target.Pod.UID = "its own"
			cluster := newCluster(target)
			if strings.Contains(c.sentence, "node") {
				if err := cluster.Tracker().Add(unknown); err != nil {
					t.Fatal(err)
				}
			}
			var once sync.Once // the watchdog's stream comes after
			s, err := Open(t.Context(), cluster.deps(stream{err: c.stream, happens: func() {
				once.Do(func() {
					if c.happens == nil {
						if err := cluster.CoreV1().Pods("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
							t.Error(err)
						}
						return
					}
					cluster.change(t, c.happens)
				})
			}}), target, Request{Access: podspec.ReadAll})
			if err != nil {
				t.Fatal(err)
			}
			s.times.End = 20 * time.Millisecond
			err = s.Shell(t.Context(), []string{"sh"}, nil)
			if err == nil || err.Error() != c.want || hint.Of(err) == "" {
				t.Errorf("got %q, want %q, with advice", err, c.want)
			}
			if err := s.Close(t.Context()); err != nil || len(cluster.said) > 0 {
				t.Errorf("closing: %v; said %q", err, cluster.said)
			}
		})
	}
}

// What a command says itself is not explained, whatever its code.
func TestACommandsOwnEndIsItsOwn(t *testing.T) {
	for _, code := range []int{1, 126, 129, 137, 143, 255} {
		target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
		cluster := newCluster(target)
		s, err := Open(t.Context(), cluster.deps(stream{err: &attach.ExitError{Code: code}}), target, Request{Access: podspec.ReadAll})
		if err != nil {
			t.Fatal(err)
		}
		s.times.End = 20 * time.Millisecond
		cluster.ClearActions()
		for _, run := range []func() error{
			func() error { return s.Run(t.Context(), []string{"sh"}, Streams{}) },
			func() error { return s.Shell(t.Context(), []string{"sh"}, nil) },
		} {
			if exit, ok := errors.AsType[*attach.ExitError](run()); !ok || exit.Code != code {
				t.Errorf("exit code %d became %v", code, exit)
			}
		}
		if n := len(cluster.Actions()); code <= 128 && n > 0 {
			t.Errorf("exit code %d cost %d requests", code, n)
		}
	}
}

// A stream may hang when the pod goes away: the guard ends it, with the reason.
func TestAStreamThatHangsEndsWithItsPod(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	cluster := newCluster(target)
	s, err := Open(t.Context(), cluster.deps(hanging{}), target, Request{Access: podspec.ReadAll})
	if err != nil {
		t.Fatal(err)
	}
	s.times.Look = time.Millisecond
	cluster.change(t, targetRestarts(2, "Error"))
	const want = "session ended: container web in pod/web restarted with exit code 2 (Error)"
	if err := s.Shell(t.Context(), []string{"sh"}, nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// A program of pkg/remote learns that another connection is no use.
	err = s.Runner().Run(t.Context(), []string{"true"}, nil, io.Discard, io.Discard)
	if refused, ok := errors.AsType[interface {
		error
		Refused() bool
	}](err); !ok || !refused.Refused() || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// Where the kernel killed a program of ours, and not the helper, it would kill the next one for the same.
func TestAKilledProgramIsNotRunAgain(t *testing.T) {
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	for i := range target.Pod.Spec.Containers {
		target.Pod.Spec.Containers[i].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")}
	}
	s, err := Open(t.Context(), newCluster(target).deps(stream{err: &attach.ExitError{Code: 137}}), target, Request{Access: podspec.ReadAll})
	if err != nil {
		t.Fatal(err)
	}
	s.times.End = 20 * time.Millisecond
	err = s.Runner().Run(t.Context(), []string{"true"}, nil, io.Discard, io.Discard)
	const want = "a program in container shareproc-a of pod/web was killed, most likely for lack of memory: the pod may use 64Mi"
	if broken := (&remote.BrokenError{Cause: err}); broken.Broken() || err.Error() != want || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

// hanging streams end with their context.
type hanging struct{}

func (hanging) Run(ctx context.Context, _ []string, _ io.Reader, _, _ io.Writer) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (h hanging) Shell(ctx context.Context, _ []string, _ *attach.Terminal) error {
	return h.Run(ctx, nil, nil, nil, nil)
}

func (h hanging) Attach(ctx context.Context, _ *attach.Terminal, _ attach.Keys) error {
	return h.Run(ctx, nil, nil, nil, nil)
}

func TestExitOfAShellThatIsKept(t *testing.T) {
	lost := fmt.Errorf("attach: %w", attach.ErrLost)
	for _, c := range []struct {
		sentence string
		happens  func(*corev1.Pod)
		stream   error
		code     int
		want     string
		said     string
	}{
		{"it exits", func(p *corev1.Pod) { p.Status.EphemeralContainerStatuses[0].State = terminatedWith(3, "Error") }, nil, 3, "", ""},
		{"it exits well", func(p *corev1.Pod) { p.Status.EphemeralContainerStatuses[0].State = terminatedWith(0, "Completed") }, nil, 0, "", ""},
		{"it is killed", helperEnds, nil, 137, "", ""},
		{"the target restarts", targetRestarts(1, "Error"), nil, 0, "session ended: container web in pod/web restarted with exit code 1 (Error)", ""},
		{"the connection is lost", func(*corev1.Pod) {}, lost, 0, "attach: connection lost", ""},
		{"the stream just ends", func(*corev1.Pod) {}, nil, 0, "attach to container shareproc-a in pod/web: connection lost", ""},
		{"it is left", func(*corev1.Pod) {}, attach.ErrDetached, 0, "", "detached: "},
		{"the container's end is reported first", func(p *corev1.Pod) {
			p.Status.EphemeralContainerStatuses[0].State = terminatedWith(3, "Error")
		}, lifecycle.EndedError{Cause: "container shareproc-a in pod/web terminated"}, 3, "", ""},
		{"a refusal", func(*corev1.Pod) {}, hint.With(errors.New("unable to upgrade"), "x"), 0, "unable to upgrade", ""},
		{"who may not attach", func(*corev1.Pod) {}, forbidden("no"), 0, `pods "web" is forbidden: no`, ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
			cluster := newCluster(target)
			s, err := Open(t.Context(), cluster.deps(stream{err: c.stream, happens: func() { cluster.change(t, c.happens) }}), target, Request{Access: podspec.ReadAll})
			if err != nil {
				t.Fatal(err)
			}
			s.times.End, s.times.Exit, s.Keep = 20*time.Millisecond, 40*time.Millisecond, time.Minute
			err = s.Attach(t.Context(), nil, nil)
			exit, exited := errors.AsType[*attach.ExitError](err)
			switch {
			case c.code != 0:
				if !exited || exit.Code != c.code {
					t.Errorf("got %v", err)
				}
			case c.want == "":
				if err != nil {
					t.Errorf("got %v", err)
				}
			case err == nil || err.Error() != c.want || hint.Of(err) == "":
				t.Errorf("got %v, want %q with advice", err, c.want)
			}
			if !strings.HasPrefix(strings.Join(cluster.said, "\n"), c.said) || (c.said == "") != (len(cluster.said) == 0) {
				t.Errorf("said %q", cluster.said)
			}
		})
	}
}

// The client's own end leaves the shell, and says how to come back.
func TestAShellIsLeftByAnInterrupt(t *testing.T) {
	interrupted := errors.New("interrupted")
	target := newTarget(withHelper("shareproc-a", "web", "i", nowRunning()))
	cluster := newCluster(target)
	s, err := Open(t.Context(), cluster.deps(hanging{}), target, Request{Access: podspec.ReadAll})
	if err != nil {
		t.Fatal(err)
	}
	s.Keep = time.Minute
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	if err := s.Attach(ctx, nil, nil); !errors.Is(err, interrupted) || !strings.Contains(strings.Join(cluster.said, "\n"), "to reattach: kubectl shareproc attach -n shop web -c shareproc-a") {
		t.Errorf("got %v, said %q", err, cluster.said)
	}
}
