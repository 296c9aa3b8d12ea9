// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A hostilePod is the pod web with the container app, which test/hostile attacks from, and the container side, which
// shares nothing with it but /hostile. Where daemon is set app's first process takes the attacks as orders.
type hostilePod struct {
	*environment
	t      *testing.T
	daemon bool
}

// A hostileSpec is what the pods of the tests differ in.
type hostileSpec struct {
	// pod and app are security contexts.
	pod, app string
	shared   bool
	// first is app's first process, once the program is there. Only busybox can make the namespaces of a process of one thread.
	first []string
}

// The rights of app: those of Pod Security's restricted level, those of baseline (its seccomp profile may be unset), root,
// and root that becomes another user without exec, so that only a helper with SYS_PTRACE opens its files.
func restricted() hostileSpec {
	return hostileSpec{
		pod:   "{runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}",
		app:   "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}",
		first: []string{"sleep", "98711"},
	}
}

func baseline() hostileSpec {
	spec := restricted()
	spec.pod = "{runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true, fsGroup: 1000}"
	return spec
}

func root() hostileSpec {
	return hostileSpec{pod: "{}", app: "{}", first: []string{"sleep", "98711"}}
}

func daemonized() hostileSpec {
	return hostileSpec{pod: "{}", app: "{}", first: []string{hostileProgram, "daemon", "1000", "1000", "/hostile/start"}}
}

// hostileProgram is where test/hostile lies in the pod.
const hostileProgram = "/hostile/hostile"

const hostileManifest = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  shareProcessNamespace: %t
  securityContext: %s
  containers:
  - name: app
    image: $BUSYBOX
    imagePullPolicy: IfNotPresent
    securityContext: %s
    command: [sh, -c, 'mkfifo -m 666 /hostile/start && read -r _ </hostile/start; exec "$@"', sh, %s]
    volumeMounts: [{name: hostile, mountPath: /hostile}, {name: data, mountPath: /data}]
  - name: side
    image: $BUSYBOX
    imagePullPolicy: IfNotPresent
    securityContext: {runAsUser: 0, runAsNonRoot: false}
    command: [sh, -c, 'umask 077; echo sealed >/etc/sealed; echo outside >/tmp/marker; exec sleep 98712']
    volumeMounts: [{name: hostile, mountPath: /hostile}]
  volumes: [{name: hostile, emptyDir: {}}, {name: data, emptyDir: {}}]
`

// newHostilePod starts the pod, and app's first process in it.
func newHostilePod(t *testing.T, spec hostileSpec) *hostilePod {
	t.Helper()
	w := testEnvironment(t)
	program := filepath.Join(t.TempDir(), "hostile")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "../hostile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	words := make([]string, len(spec.first))
	for i, word := range spec.first {
		words[i] = strconv.Quote(word)
	}
	manifest := fmt.Sprintf(hostileManifest, spec.shared, spec.pod, spec.app, strings.Join(words, ", "))
	if err := w.apply(t.Context(), manifest, "web"); err != nil {
		t.Fatal(err)
	}
	h := &hostilePod{environment: w, t: t, daemon: len(spec.first) > 1 && spec.first[1] == "daemon"}
	file, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h.in("app", file, "sh", "-c", `cat >"$1" && chmod 755 "$1" && echo go >/hostile/start`, "sh", hostileProgram)
	switch {
	case h.daemon:
		h.awaitLog("daemon", 1)
	case spec.first[0] != "sleep":
		h.awaitLog("ready", 1)
	}
	return h
}

// in runs a command in a container, as kubectl exec does, and returns what it prints.
func (h *hostilePod) in(container string, stdin io.Reader, argv ...string) string {
	h.t.Helper()
	cmd := h.exec(h.t.Context(), container, argv...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%q in %s: %v\n%s%s", argv, container, err, out, stderr.Bytes())
	}
	return string(out)
}

func (h *hostilePod) exec(ctx context.Context, container string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(h.path, "kubectl"), append([]string{"exec", "-i", "web", "-c", container, "--"}, argv...)...)
	cmd.Env = append(os.Environ(), h.env()...)
	return cmd
}

// awaitLog waits until app has printed a line n times, and returns all that it has printed.
func (h *hostilePod) awaitLog(line string, n int) []string {
	h.t.Helper()
	var lines []string
	if err := poll(h.t.Context(), func() (bool, error) {
		out, err := h.kubectl(h.t.Context(), "logs", "web", "-c", "app")
		lines = strings.Split(out, "\n")
		return count(lines, line) >= n, err
	}); err != nil {
		h.t.Fatalf("%q in the log of app: %v\n%q", line, err, lines)
	}
	return lines
}

func count(lines []string, line string) int {
	n := 0
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// attack starts an attack, which is under way when it returns. The returned function ends it and returns what it said.
// input is what it reads first.
func (h *hostilePod) attack(input string, words ...string) (stop func() []string) {
	h.t.Helper()
	if h.daemon {
		return h.order(words...)
	}
	// It ends with its standard input, also where the test's own context is over.
	cmd := h.exec(context.WithoutCancel(h.t.Context()), "app", append([]string{hostileProgram}, words...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := errors.Join(cmd.Start(), write(stdin, input)); err != nil {
		h.t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "ready" {
		h.t.Fatalf("%q: %q %s", words, lines.Text(), stderr.Bytes())
	}
	var said []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			said = append(said, lines.Text())
		}
	}()
	stop = sync.OnceValue(func() []string {
		stdin.Close()
		<-ended
		if err := cmd.Wait(); err != nil && !h.t.Failed() {
			h.t.Errorf("%q: %v\n%s", words, err, stderr.Bytes())
		}
		return said
	})
	h.t.Cleanup(func() { stop() })
	return stop
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// order is attack where the first process has to do it.
func (h *hostilePod) order(words ...string) (stop func() []string) {
	h.t.Helper()
	say := func(words ...string) {
		h.in("app", nil, "sh", "-c", `echo "$1" >/hostile/start`, "sh", strings.Join(words, "\t"))
	}
	begun := count(h.awaitLog("ready", 0), "ready")
	say(words...)
	before := h.awaitLog("ready", begun+1)
	return sync.OnceValue(func() []string {
		say("stop")
		return h.awaitLog("stopped", count(before, "stopped")+1)[len(before)-1:]
	})
}

// An outcome is how a command of the plugin ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// try runs the plugin, which has to end by itself.
func (h *hostilePod) try(env []string, args ...string) outcome {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(h.path, "kubectl-shareproc"), args...)
	cmd.Env = append(append(os.Environ(), h.env()...), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		h.t.Fatalf("%q has not ended after %s\n%s", args, patience(), stderr.String())
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		h.t.Fatal(err)
	}
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	// grep ends with 2 where it could not read everything, as grep(1) does.
	if failed := o.code == 1 || o.code == 2; o.code != 0 && (!failed || strings.TrimSpace(o.stderr) == "") {
		h.t.Errorf("%q: exit code %d, and it says %q", args, o.code, o.stderr)
	}
	return o
}

// debug adds the helper that opens everything, as the README's first command does, and returns its name.
func (h *hostilePod) debug() string {
	h.t.Helper()
	if o := h.try(nil, "debug", "web", "-c", "app", "--", "true"); o.code != 0 {
		h.t.Fatal(o.stderr)
	}
	pod, err := h.client.CoreV1().Pods(h.namespace).Get(h.t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	return pod.Spec.EphemeralContainers[len(pod.Spec.EphemeralContainers)-1].Name
}

// A seen is one process as the target sees it.
type seen struct{ pid, state, text string }

func (h *hostilePod) processes() []seen {
	h.t.Helper()
	var found []seen
	for line := range strings.Lines(h.in("app", nil, hostileProgram, "processes")) {
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		found = append(found, seen{words[0], words[1], words[2]})
	}
	return found
}

// pid is the number of the process that has text in its command line, and of the helper where that is "".
func (h *hostilePod) pid(text string) string {
	h.t.Helper()
	all := h.processes()
	for _, p := range all {
		ours := p.pid != "1" && !strings.Contains(p.text, "9871") && !strings.Contains(p.text, hostileProgram) && !strings.Contains(p.text, "pause")
		if text == "" && ours || text != "" && strings.Contains(p.text, text) {
			return p.pid
		}
	}
	h.t.Fatalf("no process %q among %q", text, all)
	return ""
}
