// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// lab is a cluster of a test's own, whose node may come to harm.
type lab struct {
	settings
	name string
}

// newLab starts one beside the local cluster, with the same programs and images; there is none beside another.
func newLab(t *testing.T) *lab {
	t.Helper()
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// One for each checkout: what a test that was killed left is taken over.
	l := &lab{settings: fromEnvironment(t), name: fmt.Sprintf("e2e-node-%x", crc32.ChecksumIEEE([]byte(directory)))}
	if l.static == "" || os.Geteuid() != 0 {
		t.Skip("a cluster of its own needs Linux, root and the local one")
	}
	// From here on one may be there. The test's own context has ended when this runs.
	t.Cleanup(func() { l.cluster(context.WithoutCancel(t.Context()), t, "down") })
	l.cluster(t.Context(), t, "up")
	l.kubeconfig = strings.TrimSpace(l.cluster(t.Context(), t, "status", "--kubeconfig"))
	l.static = ""
	return l
}

func (l *lab) cluster(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "./test/cluster"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "SHAREPROC_CLUSTER_NAME="+l.name)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cluster %v: %v\n%s", args, err, errOut.String())
	}
	return string(out)
}

// environment is a namespace there.
func (l *lab) environment(t *testing.T, y leaving) *environment {
	t.Helper()
	w, _, err := newEnvironment(t.Context(), l.settings, t.TempDir()) // it goes with the cluster
	if err != nil {
		t.Fatal(err)
	}
	y.ready(t, w)
	return w
}

// kubelet sends a signal to the lab's kubelet.
func (l *lab) kubelet(t *testing.T, sig syscall.Signal) {
	t.Helper()
	directory := "/clusters/" + l.name + "/"
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		line, err := os.ReadFile(file)
		argv := strings.Split(string(line), "\x00")
		if err != nil || filepath.Base(argv[0]) != "kubelet" || !bytes.Contains(line, []byte(directory)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no kubelet of %s", directory)
}

// unready says of the node what the node controller does after a while without a kubelet.
func (w *environment) unready(t *testing.T) {
	t.Helper()
	nodes, err := w.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 1 {
		t.Fatalf("%d nodes, %v", len(nodes.Items), err)
	}
	patch := `{"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}}`
	if _, err := w.client.CoreV1().Nodes().Patch(t.Context(), nodes.Items[0].Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// userSession is one session in an environment of its own.
type userSession struct {
	name string
	way  leaving
	w    *environment
	j    *job
}

// sit starts a session of every way.
func (l *lab) sit(t *testing.T) []*userSession {
	t.Helper()
	var all []*userSession
	for name, y := range map[string]leaving{"copy": copying(), "held": holding(), "patch": patching(), "helper": helping(), "root": helping("--root")} {
		all = append(all, &userSession{name: name, way: y, w: l.environment(t, y)})
	}
	for _, s := range all {
		s.j = phase{name: "a session, " + s.name, lasts: true}.reach(t, s.w, newGate(t, s.w, nil), s.way)
	}
	return all
}

// The node's side fails: a kubelet that is started again, one that is gone for a while, an image that does not arrive, a
// runtime that forgets a container.
func TestNothingIsLeftWhenTheNodeFails(t *testing.T) {
	full(t)
	t.Parallel()
	l := newLab(t)
	t.Run("the kubelet is started again", func(t *testing.T) {
		all := l.sit(t)
		l.kubelet(t, syscall.SIGKILL)
		for _, s := range all {
			s.j.over(hang)
			if s.j.cmd.ProcessState.Success() {
				t.Errorf("%s: it ended well\n%s", s.name, s.j.text())
			}
			s.way.gone(t, s.w, s.j)
		}
	})
	t.Run("the node is not ready", func(t *testing.T) {
		all := l.sit(t)
		y := copying()
		starting := &userSession{name: "a copy that starts", way: y, w: l.environment(t, y)}
		l.kubelet(t, syscall.SIGSTOP)
		goOn := sync.OnceFunc(func() { l.kubelet(t, syscall.SIGCONT) })
		defer goOn()
		starting.j = starting.w.launch(t, newGate(t, starting.w, nil), append(y.args, "--", "true")...)
		starting.j.await("a copy", func() bool { return len(starting.w.copies(t)) == 1 })
		starting.w.unready(t)
		all = append(all, starting)
		for _, s := range all {
			s.j.end(syscall.SIGTERM)
			s.way.undone(t, s.w, s.j)
		}
		// The pods themselves go when the kubelet is back.
		goOn()
		for _, s := range all {
			s.way.gone(t, s.w, s.j)
		}
	})
	t.Run("a helper's record is gone", l.risen)
	for name, y := range map[string]leaving{"copy": copying(), "patch": patching()} {
		t.Run("an image does not arrive, "+name, func(t *testing.T) { l.pulling(t, y) })
	}
}

// silentRegistry takes connections in the network namespace of the node, and never answers.
const silentRegistry = `
apiVersion: v1
kind: Pod
metadata: {name: registry}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: registry, image: $BUSYBOX, imagePullPolicy: IfNotPresent, command: [nc, -ll, -p, "5099", -e, sleep, "1000"]}
`

// pulling ends clients whose image is on its way. The kubelet lets go of a pod only when its pull has ended.
func (l *lab) pulling(t *testing.T, y leaving) {
	t.Helper()
	w := l.environment(t, y)
	if err := w.apply(t.Context(), silentRegistry, "registry"); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(y.args, []string{"--image", "127.0.0.1:5099/x:1", "--", "true"})
	var j *job
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		y.settled(t, w)
		before := w.pulls(t)
		j = w.launch(t, newGate(t, w, nil), args...)
		j.await("an image that is pulled", func() bool { return w.pulls(t) > before })
		j.end(sig)
		if sig != syscall.SIGKILL {
			y.undone(t, w, j)
		} else if y.left(t, w) == "" {
			t.Errorf("after SIGKILL nothing is left: the client was elsewhere\n%s", j.text())
		}
	}
	if _, err := w.kubectl(t.Context(), "delete", "pod", "registry", "--now", "--wait=false"); err != nil {
		t.Fatal(err)
	}
	y.cleaned(t, w, j)
}

// pulls counts the images that the kubelet has begun to pull for pods of the namespace.
func (w *environment) pulls(t *testing.T) (n int32) {
	t.Helper()
	events, err := w.client.CoreV1().Events(w.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Pulling"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events.Items {
		n += max(events.Items[i].Count, 1)
	}
	return n
}
