// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// exampleObjects are what the examples name. Eight workers, so that there is a process 8 whatever the numbers that a
// runtime's own threads took. The log is a file: in the image it is a link to stderr, as in nginx's own image.
var exampleObjects = []struct{ name, manifest, wait string }{
	{"", `
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data:
  nginx.conf: |
    user nginx;
    worker_processes 8;
    error_log /var/log/app.log notice;
    error_log stderr notice;
    events {}
  crash.conf: |
    nonsense;
`, ""},
	{"nginx", examplePod("nginx", "{name: sidecar, image: $BUSYBOX, imagePullPolicy: IfNotPresent, command: [sh, -c, 'sleep 1000000']}"), "pod/nginx"},
	{"web-0", examplePod("web-0", ""), "pod/web-0"},
	{"web-1", examplePod("web-1", ""), "pod/web-1"},
	{"crasher", `
apiVersion: v1
kind: Pod
metadata: {name: crasher}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: config, configMap: {name: config}}]
  containers:
  - name: nginx
    image: $NGINX
    imagePullPolicy: IfNotPresent
    command: [nginx, -c, /config/crash.conf]
    volumeMounts: [{name: config, mountPath: /config}]
`, ""},
	{"api", `
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: nginx
    image: $NGINX_NONROOT
    imagePullPolicy: IfNotPresent
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`, "pod/api"},
	{"deploy/web", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
` + indented(exampleSpec("")), "deploy/web"},
}

func exampleSpec(more string) string {
	if more != "" {
		more = "\n  - " + more
	}
	return `  terminationGracePeriodSeconds: 0
  volumes: [{name: config, configMap: {name: config}}]
  containers:
  - name: nginx
    image: $NGINX
    imagePullPolicy: IfNotPresent
    command: [nginx, -c, /config/nginx.conf, -g, "daemon off;"]
    volumeMounts: [{name: config, mountPath: /config}]` + more + "\n"
}

func examplePod(name, more string) string {
	return "\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec:\n" + exampleSpec(more)
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// beforeExamples are command lines without which a command's examples would show nothing.
var beforeExamples = map[string][]string{
	"clean":    {"kubectl shareproc ps nginx"},
	"sessions": {"kubectl shareproc ps web-0"},
}

// example is one command line of a command's help.
type example struct {
	line string
	// code is how it ends: 0 unless the comment above says "exit code N".
	code int
}

var saysCode = regexp.MustCompile(`exit code (\d+)`)

// examplesOf reads a command's examples: comments, which count for the lines below them up to an empty one, and command lines.
func examplesOf(t *testing.T, text string) []example {
	t.Helper()
	var list []example
	code := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if said := saysCode.FindStringSubmatch(line); strings.HasPrefix(line, "#") && said != nil {
			code, _ = strconv.Atoi(said[1])
		}
		switch {
		case line == "":
			code = 0
		case strings.HasPrefix(line, "#"):
		case !strings.Contains(line, "kubectl shareproc "):
			t.Errorf("an example that does not run this plugin: %q", line)
		default:
			list = append(list, example{line, code})
		}
	}
	return list
}

// TestExamples runs every example of every command's help unchanged, in a terminal, in which whoever is asked says yes,
// and leaves a shell with "exit" and what goes on for ever with Ctrl-C.
func TestExamples(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	root := plugin.Root(cli.NewDeps(genericiooptions.NewTestIOStreamsDiscard(), func(string) string { return "" }))
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if list := examplesOf(t, cmd.Example); len(list) > 0 {
			t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "-"), func(t *testing.T) {
				t.Parallel()
				runExamples(t, list, beforeExamples[cmd.Name()])
			})
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(root)
}

func runExamples(t *testing.T, list []example, before []string) {
	t.Helper()
	w := testEnvironment(t)
	dir := t.TempDir()
	w.setTable(t, dir)
	var all []string
	for _, e := range list {
		all = append(all, e.line)
	}
	w.setPods(t, strings.Join(slices.Concat(before, all), "\n"))
	for _, line := range before {
		if code, screen := w.typeLine(t, dir, line); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", line, code, screen)
		}
	}
	for _, e := range list {
		if code, screen := w.typeLine(t, dir, e.line); code != e.code {
			t.Errorf("%s: exit code %d, want %d\n%s", e.line, code, e.code, screen)
		}
	}
}

// setTable puts the files that examples name into dir, and the context production into the kubeconfig.
func (w *environment) setTable(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"nginx.conf":      "events {}\n",
		"conf/nginx.conf": "events {}\n",
		"copy/README":     "for an archive\n",
		"config.yaml":     "apiVersion: kubectl-shareproc/v1alpha1\nkind: Config\nidleTimeout: 10m\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.LoadFromFile(w.own)
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts["production"] = config.Contexts[config.CurrentContext]
	if err := clientcmd.WriteToFile(*config, w.own); err != nil {
		t.Fatal(err)
	}
}

// setPods makes the objects that text names, and waits until they are ready.
func (w *environment) setPods(t *testing.T, text string) {
	t.Helper()
	var wait, workers, manifests []string
	for _, o := range exampleObjects {
		if o.name == "" || regexp.MustCompile(`(^|[\s:])`+o.name+`\b`).MatchString(text) {
			manifests = append(manifests, o.manifest)
			if o.wait != "" {
				wait = append(wait, o.wait)
			}
			if strings.Contains(o.manifest, "/config/nginx.conf") {
				workers = append(workers, o.wait)
			}
		}
	}
	if len(manifests) == 1 {
		return // nothing but the ConfigMap
	}
	if err := w.apply(t.Context(), strings.Join(manifests, "---")); err != nil {
		t.Fatal(err)
	}
	for _, name := range wait {
		condition := "Ready"
		if strings.HasPrefix(name, "deploy/") {
			condition = "Available"
		}
		if out, err := w.kubectl(t.Context(), "wait", "--for=condition="+condition, name, "--timeout", patience().String()); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	for _, name := range workers {
		w.awaitWorkers(t, name)
	}
}

// awaitWorkers waits for a process 8, which a helper that comes before it would take the number of.
func (w *environment) awaitWorkers(t *testing.T, name string) {
	t.Helper()
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.kubectl(t.Context(), "logs", name, "-c", "nginx")
		return strings.Count(out, "start worker process ") == 8, err
	}); err != nil {
		t.Fatalf("the workers of %s: %v", name, err)
	}
}

// escapes are the terminal's control sequences (ECMA-48), such as a shell's question where the cursor is.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// typeLine runs a command line in a terminal as a person would, and returns its exit code and what the screen showed.
func (w *environment) typeLine(t *testing.T, dir, line string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = w.personEnv(dir)
	x := w.startCmd(t, cmd)
	follows := regexp.MustCompile(` (-f|--follow)\b`).MatchString(line)
	deadline := time.After(patience())
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-x.ended:
			return x.code(), x.seen()
		case <-deadline:
			t.Fatalf("%s: still running after %s; the screen has\n%s", line, patience(), x.seen())
		case <-ticker.C:
			x.answer(leaveKeys(line), follows)
		}
	}
}

// personEnv is the environment of a person whose home is dir.
func (w *environment) personEnv(dir string) []string {
	return append(append(os.Environ(), w.env()...), "HOME="+dir, "TERM=xterm", "KUBE_EDITOR=", "XDG_CONFIG_HOME=",
		"EDITOR=sed -i s/1024/2048/", "SHAREPROC_CONFIG="+filepath.Join(dir, "config.yaml"))
}

// code is the exit code as a shell has it, signals included.
func (x *terminal) code() int {
	x.t.Helper()
	code := x.exit()
	if status := x.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return code
}

// leaveKeys is what a person types to leave a shell: one that is kept runs on.
func leaveKeys(line string) string {
	switch {
	case strings.Contains(line, "--detach-keys ctrl-]"):
		return "\x1d"
	case strings.Contains(line, "--persist"), strings.Contains(line, " attach "):
		return "\x10\x11"
	case strings.HasSuffix(line, "-- top"), strings.Contains(line, " browse"), strings.Contains(line, " shareproc top "):
		return "q"
	default:
		return "exit\r"
	}
}

// answer types what a person would, once for each time that something is asked.
func (x *terminal) answer(leave string, follows bool) {
	x.mu.Lock()
	shown := bytes.TrimLeft(escapes.ReplaceAll(x.screen.Bytes(), nil), "\r\n")
	keys := ""
	switch {
	case bytes.HasSuffix(shown, []byte("# ")), bytes.HasSuffix(shown, []byte("$ ")):
		keys = leave
	case bytes.HasSuffix(shown, []byte("[y/N] ")):
		keys = "y\r"
	case bytes.Contains(shown, []byte("enter takes it")):
		keys = "\r"
	case leave == "q" && (bytes.Contains(shown, []byte("COMMAND")) || bytes.Contains(shown, []byte("q quit"))):
		keys = leave
	case follows && bytes.Contains(shown, []byte("start worker process")), bytes.Contains(shown, []byte("until nobody has asked for 30m0s")):
		keys = "\x03"
	}
	if keys != "" {
		x.screen.Reset()
	}
	x.mu.Unlock()
	if keys != "" {
		x.typed(keys)
	}
}

// seen is all that the terminal has shown. What was written last may still be on its way: a mark behind it tells.
func (x *terminal) seen() string {
	x.t.Helper()
	const mark = "\x1b[0mend of the screen\x1b[0m"
	if _, err := x.slave.WriteString(mark); err != nil {
		x.t.Fatal(err)
	}
	x.expect(mark)
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.TrimSuffix(x.all.String(), mark)
}
