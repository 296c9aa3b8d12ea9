// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

const oneDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: nginx, image: $NGINX, imagePullPolicy: IfNotPresent}
`

// job is the plugin at work without a terminal.
type job struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// Write takes what it prints.
func (j *job) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.output.Write(p)
}

func (j *job) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.output.String()
}

func (w *environment) launch(t *testing.T, g *gate, args ...string) *job {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), append([]string{"--server", g.url}, args...)...)
	cmd.Env = append(os.Environ(), w.env()...)
	j := &job{t: t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = j, j
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(j.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-j.ended
	})
	return j
}

// await waits for something, and fails where the job has ended before.
func (j *job) await(what string, done func() bool) {
	j.t.Helper()
	if err := poll(j.t.Context(), func() (bool, error) { return done(), nil }); err != nil {
		j.t.Fatalf("%s: %v\n%s", what, err, j.text())
	}
}

func (j *job) end(sig syscall.Signal) {
	j.t.Helper()
	if err := j.cmd.Process.Signal(sig); err != nil {
		j.t.Fatalf("%v\n%s", err, j.text())
	}
	j.over(hang)
}

func (j *job) over(within time.Duration) {
	j.t.Helper()
	select {
	case <-j.ended:
	case <-time.After(within):
		j.t.Fatalf("still running after %s\n%s", within, j.text())
	}
}

// leaving is a way that leaves something in the cluster.
type leaving struct {
	manifest string
	args     []string
	// left is what of it is there, as sessions names it.
	left func(*testing.T, *environment) string
}

func copying() leaving { return leaving{onePod, []string{"debug", "web", "--copy"}, copyLeft} }

func holding() leaving {
	return leaving{onePod, []string{"debug", "web", "--copy", "--hold"}, copyLeft}
}

// copyLeft names a copy that nobody has deleted. How long the node takes to end it is the node's business.
func copyLeft(t *testing.T, w *environment) string {
	t.Helper()
	for _, pod := range w.copies(t) {
		if pod.DeletionTimestamp == nil {
			return "pod/" + pod.Name
		}
	}
	return ""
}

func (w *environment) copies(t *testing.T) []corev1.Pod {
	t.Helper()
	list, err := w.client.CoreV1().Pods(w.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=kubectl-shareproc"})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// patching looks at the template itself too: the marks alone prove nothing.
func patching() leaving {
	return leaving{oneDeployment, []string{"debug", "deploy/web", "--patch", "--yes"}, func(t *testing.T, w *environment) string {
		t.Helper()
		out := w.query(t, "deploy", "web", "-o", "jsonpath={.spec.template.spec}{.metadata.labels}{.metadata.annotations.kubectl-shareproc/patch}")
		if !strings.Contains(out, "shareproc-") && !strings.Contains(out, "shareProcessNamespace") {
			return ""
		}
		return "deployment/web"
	}}
}

func (w *environment) query(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.kubectl(t.Context(), append([]string{"get"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func (y leaving) environment(t *testing.T) *environment {
	t.Helper()
	w := testEnvironment(t)
	y.ready(t, w)
	return w
}

// ready makes what the way is about.
func (y leaving) ready(t *testing.T, w *environment) {
	t.Helper()
	if err := w.apply(t.Context(), y.manifest); err != nil {
		t.Fatal(err)
	}
	if err := poll(t.Context(), func() (bool, error) {
		return strings.Contains(w.query(t, "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].ready}"), "true"), nil
	}); err != nil {
		t.Fatal(err)
	}
}

// settled waits until a workload's last change has reached its pods: until then the server refuses some changes of it.
func (y leaving) settled(t *testing.T, w *environment) {
	t.Helper()
	if y.manifest != oneDeployment {
		return
	}
	if _, err := w.kubectl(t.Context(), "rollout", "status", "deploy/web", "--timeout", patience().String()); err != nil {
		t.Fatal(err)
	}
}

// undoneWithin is how long after the client's end the cluster may take to know of what it did last.
const undoneWithin = time.Minute

// gone waits until nothing is left.
func (y leaving) gone(t *testing.T, w *environment, j *job) {
	t.Helper()
	y.undone(t, w, j)
	if err := poll(t.Context(), func() (bool, error) { return len(w.copies(t)) == 0, nil }); err != nil {
		t.Fatalf("a copy that was deleted is there: %v\n%s", err, j.text())
	}
}

// undone waits until everything has been asked to end, and every template is as it was.
func (y leaving) undone(t *testing.T, w *environment, j *job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), undoneWithin)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return y.left(t, w) == "", nil }); err != nil {
		t.Fatalf("%s is left %s after the end\n%s", y.left(t, w), undoneWithin, j.text())
	}
}

// cleaned ends what is left as a person would on any machine.
func (y leaving) cleaned(t *testing.T, w *environment, j *job) {
	t.Helper()
	if left := y.left(t, w); left != "" {
		names, err := w.plugin(t.Context(), "sessions", "-o", "name")
		if err != nil || !strings.Contains(names, left) {
			t.Errorf("%s is left, and sessions has %q, %v", left, names, err)
		}
		if _, err := w.plugin(t.Context(), "clean"); err != nil {
			t.Error(err)
		}
	}
	y.gone(t, w, j)
}

// phase is a moment in a session's life.
type phase struct {
	name   string
	way    func() leaving
	decide func(request) fate
	// lasts tells that the command would run for ever, if nobody ended it.
	lasts bool
	// tied waits for the command's tether too: in its first second its end is only where the client can still see to that.
	tied bool
	// there tells that something is left when the client dies in it.
	there bool
}

func phases() []phase {
	const workload = "/deployments/web"
	get, post, patch, remove := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	when := func(f fate, method, path string, changes int) func(request) fate {
		return func(r request) fate {
			if r.asks(method, path) && r.changes == changes {
				return f
			}
			return pass
		}
	}
	return []phase{
		{name: "copy, before its create", way: copying, decide: when(hold, post, "/pods", 0)},
		{name: "copy, created without an answer", way: copying, decide: when(mute, post, "/pods", 0), there: true},
		{name: "copy, starting", way: copying, decide: when(hold, get, "/pods/web-shareproc-", 1), there: true},
		{name: "copy, attached", way: copying, lasts: true, there: true},
		{name: "held copy, starting", way: holding, decide: when(hold, get, "/pods/web-shareproc-", 1), there: true},
		{name: "held copy, attached", way: holding, lasts: true, there: true},
		{name: "copy, deleted without an answer", way: copying, decide: when(mute, remove, "/pods/web-shareproc-", 1)},
		{name: "patch, before it is sent", way: patching, decide: when(hold, patch, workload, 0)},
		{name: "patch, sent without an answer", way: patching, decide: when(mute, patch, workload, 0), there: true},
		{name: "patch, rolling out", way: patching, decide: when(hold, get, workload, 1), there: true},
		{name: "patch, attached", way: patching, lasts: true, there: true},
		{name: "patch, restored without an answer", way: patching, decide: when(mute, patch, workload, 1)},
		{name: "patch, rolling back", way: patching, decide: when(hold, get, workload, 2)},
	}
}

// However a client ends, and in whichever moment, nothing stays; where it can't see to that any more, sessions and clean do.
func TestNothingIsLeftBehind(t *testing.T) {
	full(t)
	t.Parallel()
	for _, p := range phases() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			y := p.way()
			w := y.environment(t)
			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
				y.settled(t, w)
				g := newGate(t, w, p.decide)
				j := p.reach(t, w, g, y)
				g.open()
				j.end(sig)
				if sig != syscall.SIGKILL {
					y.gone(t, w, j)
					continue
				}
				if p.there && y.left(t, w) == "" {
					t.Errorf("after SIGKILL nothing is left: the client was elsewhere\n%s", j.text())
				}
				y.cleaned(t, w, j)
			}
			y.settled(t, w)
			p.panics(t, w, y)
			y.settled(t, w)
			p.loses(t, w, y)
		})
	}
}

// reach starts the way, and waits until it is in that phase.
func (p phase) reach(t *testing.T, w *environment, g *gate, y leaving) *job {
	t.Helper()
	j := w.launch(t, g, append(y.args[:len(y.args):len(y.args)], p.command()...)...)
	j.await(p.name, func() bool {
		select {
		case <-g.kept:
			return true
		default:
			return p.lasts && strings.Contains(j.text(), "begun\n")
		}
	})
	if p.tied {
		w.awaitProcess(t, launch.WatchdogName)
	}
	return j
}

func (p phase) command() []string {
	if p.lasts {
		return []string{"--", "sh", "-c", "echo begun; exec sleep 98765"}
	}
	return []string{"--", "true"}
}

// An API server that is away for a moment in the middle of a session. Nothing in the cluster would undo a patch, so the client
// tries for a while; a copy has its end, and loses has the rest.
func TestPatchIsPutBackWhenTheServerIsBack(t *testing.T) {
	full(t)
	t.Parallel()
	y := patching()
	w := y.environment(t)
	g := newGate(t, w, nil)
	j := phase{name: "a session", lasts: true}.reach(t, w, g, y)
	g.cut()
	j.await("word of a stream that broke", func() bool { return g.refused() > 2 })
	g.open()
	j.over(hang)
	y.gone(t, w, j)
}
