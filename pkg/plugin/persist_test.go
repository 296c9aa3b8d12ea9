// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// shell adds to pod web a helper that keeps a shell, in some state.
func (d *desk) shell(t *testing.T, name string, state corev1.ContainerState) {
	t.Helper()
	pods := d.client.CoreV1().Pods("shop")
	pod, err := pods.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, podspec.Helper{Name: name, Target: "web", Keep: 10 * time.Minute, Persistent: true}.Ephemeral())
	pod.Status.EphemeralContainerStatuses = append(pod.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	if _, err := pods.Update(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	d.client.ClearActions()
}

func alive() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func dead(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

func TestPersistBadInput(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ args, errors string }{
		{"debug web --persist -- true", "--persist with a command"},
		{"debug web --persist --copy", "--persist, --copy"},
		{"debug deploy/web --persist --patch", "--persist, --patch"},
		{"debug web --persist --root", "--persist, --root"},
		{"debug web --persist -t=false", "without a terminal"},
		{"debug web --persist -i=false", "without a terminal"},
		{"debug web --persist", "standard input is not a terminal"},
		{"debug web --persist --detach-keys nonsense", `"nonsense"`},
		{"attach", "name a pod"},
		{"attach web more", "unexpected argument"},
		{"attach web", "standard input is not a terminal"},
		{"attach web --detach-keys shift-a", `"shift-a"`},
	} {
		if code := d.run(t.Context(), strings.Fields(c.args)...); code != cli.ExitUsage || !strings.Contains(d.errOut.String(), c.errors) || !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%s: exit code %d, stderr %q", c.args, code, d.errOut.String())
		}
	}
	if actions := d.client.Actions(); len(actions) > 0 {
		t.Errorf("bad input led to %v", actions)
	}
}

func TestPersistDryRun(t *testing.T) {
	d := newDesk(t)
	if code := d.run(t.Context(), "debug", "web", "--persist", "--dry-run=client"); code != 0 {
		t.Fatalf("exit code %d, stderr %q", code, d.errOut.String())
	}
	for _, line := range []string{"    stdin: true\n", "    tty: true\n"} {
		if !strings.Contains(d.out.String(), line) {
			t.Errorf("no %q in %s", line, d.out.String())
		}
	}
}

func TestAttachCompletion(t *testing.T) {
	d := newDesk(t)
	if got := d.offers(t, "attach", ""); len(got) > 0 {
		t.Errorf("where no shell was left: %q", got)
	}
	d.shell(t, "shareproc-old", dead(0))
	d.shell(t, "shareproc-new", alive())
	for args, want := range map[string]string{
		"attach |": "web", "attach pod/|": "pod/web", "attach x|": "", "attach nonsense/|": "", "attach web |": "", "attach web -c |": "shareproc-new",
	} {
		words := strings.Fields(strings.TrimSuffix(args, "|"))
		if strings.HasSuffix(args, " |") {
			words = append(words, "")
		}
		if got := strings.Join(d.offers(t, words...), " "); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

// attached is a wire whose Attach ends in some way.
type attached struct {
	localWire
	err error
}

func (a attached) Attach(context.Context, *attach.Terminal, attach.Keys) error { return a.err }

// A shell's end, the end of its connection, and the user's leaving are told apart.
func TestJoin(t *testing.T) {
	lost := fmt.Errorf("attach to web/shareproc-x: %w: nothing came for 20s", attach.ErrLost)
	back := "kubectl shareproc attach -n shop web -c shareproc-x"
	for _, c := range []struct {
		what   string
		stream error
		state  corev1.ContainerState
		code   int // of the error; 0 for none
		said   string
		err    string
		try    string
	}{
		{"the keys", attach.ErrDetached, alive(), 0, "to come back: " + back, "", ""},
		{"the shell's exit", nil, dead(0), 0, "", "", ""},
		{"the shell's exit with a code", nil, dead(3), 3, "", "", ""},
		{"its exit, which the pod told first", errors.New("session ended"), dead(3), 3, "", "", ""},
		{"its exit, and a cut", lost, dead(4), 4, "", "", ""},
		{"it was killed", nil, dead(137), 137, "", "", ""},
		{"the container was ended", errors.New("session ended: pod/web is gone"), dead(137), 1, "", "pod/web is gone", ""},
		{"a dead network", lost, alive(), 1, "", "connection lost", back},
		{"a stream that ended before the shell", nil, alive(), 1, "", "connection lost", back},
		{"a refusal", errors.New("unable to upgrade"), alive(), 1, "", "unable to upgrade", ""},
	} {
		d := newDesk(t)
		d.shell(t, "shareproc-x", c.state)
		d.ExitTime = time.Second
		d.Exec = func(session.Session) (cli.Wire, error) { return attached{err: c.stream}, nil }
		o := &session.Opener{Client: d.client}
		s := session.Session{Namespace: "shop", Pod: "web", Container: "shareproc-x"}
		err := cli.Join(t.Context(), d.Deps, o, s, nil, cli.DetachFlag{})
		code := 0
		if remote, ok := errors.AsType[cli.CommandExit](err); ok {
			code = remote.Code
		} else if err != nil {
			code = 1
		}
		if code != c.code || !strings.Contains(d.errOut.String(), c.said) || !strings.Contains(fmt.Sprint(err), c.err) || !strings.HasPrefix(hint.Of(err), c.try) {
			t.Errorf("%s: %d %v (try %q), said %q", c.what, code, err, hint.Of(err), d.errOut.String())
		}
	}
}

// The client's own end leaves the shell, and says how to come back.
func TestJoinInterrupted(t *testing.T) {
	d := newDesk(t)
	d.Report.Quiet = true
	d.Exec = func(session.Session) (cli.Wire, error) { return attached{err: cli.ErrInterrupted}, nil }
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cli.ErrInterrupted)
	s := session.Session{Namespace: "shop", Pod: "web", Container: "shareproc-x"}
	err := cli.Join(ctx, d.Deps, &session.Opener{Client: d.client}, s, nil, cli.DetachFlag{})
	if !errors.Is(err, cli.ErrInterrupted) || !strings.Contains(d.errOut.String(), "to come back: kubectl shareproc attach ") {
		t.Errorf("got %v, said %q", err, d.errOut.String())
	}
}
