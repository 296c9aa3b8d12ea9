// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

// harness is the root command with a fake cluster behind it, in which a helper already runs beside container
// web of pod web. Its wire runs commands on this machine: the helper sees this test's own processes.
type harness struct {
	*cli.Deps
	client *fake.Clientset
	in     io.Reader
	out    bytes.Buffer
	errOut bytes.Buffer
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec: corev1.PodSpec{
			NodeName:   "node-1",
			Containers: []corev1.Container{{Name: "web"}},
			EphemeralContainers: []corev1.EphemeralContainer{podspec.Helper{
				Name: "shareproc-aaaaa", Image: cli.DefaultImage, Target: "web", Access: podspec.ReadAll, Container: "web",
				Security: &corev1.SecurityContext{RunAsUser: new(int64), RunAsGroup: new(int64)},
			}.Ephemeral()},
		},
		Status: corev1.PodStatus{
			Phase:                      corev1.PodRunning,
			ContainerStatuses:          []corev1.ContainerStatus{{Name: "web", ContainerID: "containerd://" + strings.Repeat("a", 64), State: running}},
			EphemeralContainerStatuses: []corev1.ContainerStatus{{Name: "shareproc-aaaaa", State: running}},
		},
	}
	d := &harness{client: fake.NewClientset(pod), in: strings.NewReader("")}
	d.Deps = cli.NewDeps(genericiooptions.IOStreams{In: d, Out: &d.out, ErrOut: &d.errOut}, func(string) string { return "" })
	d.Client = func() (kubernetes.Interface, error) { return d.client, nil }
	d.Dynamic = func() (dynamic.Interface, error) { return fakecluster.Dynamic(d.client), nil }
	d.Exec = func(attach.Container, bool) (cluster.Exec, error) { return localWire{}, nil }
	d.Config.WrapConfigFn = func(*rest.Config) *rest.Config { return &rest.Config{} }
	return d
}

// Read is the harness's standard input.
func (d *harness) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *harness) run(ctx context.Context, args ...string) int {
	d.out.Reset()
	d.errOut.Reset()
	return Main(ctx, d.Deps, append([]string{"--namespace", "shop"}, args...))
}

type localWire struct{}

func (localWire) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &attach.ExitError{Code: exit.ExitCode()}
	}
	return err
}

func (localWire) Attach(context.Context, *attach.Terminal, attach.Keys) error {
	return errors.New("no terminal here")
}

func (localWire) Shell(context.Context, []string, *attach.Terminal) error {
	return errors.New("no terminal in this test")
}

func TestExitCodes(t *testing.T) {
	d := newHarness(t)
	for _, c := range []struct {
		args   []string
		code   int
		errors string
	}{
		{[]string{"version", "--client"}, 0, ""},
		{[]string{"debug", "web", "--", "true"}, 0, ""},
		{[]string{"debug", "web", "--", "sh", "-c", "exit 37"}, 37, ""},
		{[]string{"debug", "web", "--", "no-such-command-anywhere"}, 127, ""},
		{[]string{"debug", "gone"}, cli.ExitError, "not found in namespace"},
		{[]string{"debug"}, cli.ExitUsage, "a pod name is required"},
		{[]string{"debug", "web", "ls"}, cli.ExitUsage, "put the command after --"},
		{[]string{"debug", "web", "--dry-run=maybe"}, cli.ExitUsage, "--dry-run"},
		{[]string{"debug", "web", "-o", "yaml"}, cli.ExitUsage, "requires --dry-run"},
		{[]string{"debug", "web", "--ttl", "0s"}, cli.ExitUsage, "--ttl"},
		{[]string{"debug", "web", "--hold"}, cli.ExitUsage, "requires --copy"},
		{[]string{"debug", "web", "--copy", "-c", "web", "--hold=other"}, cli.ExitUsage, "two containers"},
		{[]string{"debug", "web", "--copy", "--hold=other"}, cli.ExitError, "other"},
		{[]string{"debug", "web", "-t"}, cli.ExitUsage, "not a terminal"},
		{[]string{"ps", "web", "-o", "nonsense"}, cli.ExitUsage, "not one of"},
		{[]string{"ps", "web", "--timeout", "0s"}, cli.ExitUsage, "--timeout"},
		{[]string{"ps", "web", "--idle-timeout", "1ms"}, cli.ExitUsage, "--idle-timeout"},
		{[]string{"ps", "web", "--image-pull-policy", "x"}, cli.ExitUsage, "--image-pull-policy"},
		{[]string{"ps", "web", "-l", "app=web"}, cli.ExitUsage, "unexpected argument"},
		{[]string{"fs", "--selector", "app=web", "etc/x"}, cli.ExitUsage, "try: kubectl shareproc -n shop fs --selector ... /etc/x"},
		{[]string{"debug", "web", "-l", "app=web"}, cli.ExitUsage, "-l selects the pod"},
		{[]string{"signal", "-l", "app=web"}, cli.ExitUsage, "try: kubectl shareproc -n shop ps -l ..."},
		{[]string{"ps", "-l", "a b"}, cli.ExitUsage, "a b"},
		{[]string{"ps", "rollouts.argoproj.io/web"}, cli.ExitUsage, "deployment"},
		{[]string{"ps", "prod/web"}, cli.ExitUsage, `-n shop and "prod/web" name two namespaces`},
		{[]string{"ps", "web", "--profile", "sysadmin"}, cli.ExitUsage, "not one of [restricted baseline general netadmin]"},
		{[]string{"ps", "web", "--run-as", "anna"}, cli.ExitUsage, "--run-as"},
		{[]string{"ps", "web", "--run-as", "1000:"}, cli.ExitUsage, "--run-as"},
		{[]string{"ps", "web", "--run-as", "1000", "--cap-add", "SYS_TIME"}, cli.ExitUsage, "has no effect"},
		{[]string{"ps", "web", "--cap-add", "a b"}, cli.ExitUsage, "not the name of a capability"},
		{[]string{"ps", "web", "more"}, cli.ExitUsage, "unexpected argument"},
		{[]string{"fs", "web", "abc"}, cli.ExitUsage, "neither a PID nor"},
		{[]string{"fs", "web", "etc/nginx"}, cli.ExitUsage, "try: kubectl shareproc -n shop fs web /etc/nginx"},
		{[]string{"fs", "web", "1", "/", "more"}, cli.ExitUsage, "unexpected argument"},
		{[]string{"fs", "web", "-0"}, cli.ExitUsage, "requires -o name"},
		{[]string{"signal", "web"}, cli.ExitUsage, "a PID is required"},
		{[]string{"signal", "web", "1"}, cli.ExitUsage, "try: kubectl shareproc -n shop signal web 1 TERM"},
		{[]string{"signal", "web", "1", "NOPE"}, cli.ExitUsage, "not a signal"},
		{[]string{"nonsense"}, cli.ExitUsage, "unknown command"},
		{[]string{"ps", "--nonsense"}, cli.ExitUsage, "unknown flag"},
	} {
		if code := d.run(t.Context(), c.args...); code != c.code {
			t.Errorf("%q: exit code %d, want %d; stderr %q", c.args, code, c.code, d.errOut.String())
		}
		if !strings.Contains(d.errOut.String(), c.errors) || (c.errors != "") != strings.HasPrefix(d.errOut.String(), "error: ") {
			t.Errorf("%q: stderr %q, want %q in it", c.args, d.errOut.String(), c.errors)
		}
		if c.errors != "" && !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%q: no advice: %q", c.args, d.errOut.String())
		}
		if c.errors != "" && d.out.Len() > 0 {
			t.Errorf("%q: stdout %q", c.args, d.out.String())
		}
	}
	for _, a := range d.client.Actions() {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			t.Errorf("bad input led to %s %s", a.GetVerb(), a.GetResource().Resource)
		}
	}
}

// A command takes input only with -i, so that a loop over a list keeps its list; a shell takes it anyway.
func TestDebugTakesInputWhenAsked(t *testing.T) {
	const script = "cat; echo oops >&2"
	for _, c := range []struct {
		args   []string
		stdout string
	}{
		{[]string{"-i", "--", "sh", "-c", script}, script},
		{[]string{"--stdin", "--", "sh", "-c", script}, script},
		{[]string{"--", "sh", "-c", script}, ""},
		{[]string{"-i=false", "--", "sh", "-c", script}, ""},
		{nil, ""}, // The shell runs it: what is behind it is input.
		{[]string{"-i=false"}, ""},
	} {
		d := newHarness(t)
		d.in = strings.NewReader(script)
		if code := d.run(t.Context(), append([]string{"debug", "web"}, c.args...)...); code != 0 {
			t.Errorf("%q: exit code %d: %s", c.args, code, d.errOut.String())
		}
		wantErr := "oops\n"
		if len(c.args) == 1 {
			wantErr = ""
		}
		if d.out.String() != c.stdout || d.errOut.String() != wantErr {
			t.Errorf("%q: stdout %q, stderr %q", c.args, d.out.String(), d.errOut.String())
		}
	}
}

func TestInterruptedIs130(t *testing.T) {
	d := newHarness(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	d.client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(cli.ErrInterrupted)
		return false, nil, nil
	})
	if code := d.run(ctx, "debug", "web", "--", "sleep", "1000"); code != cli.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(d.errOut.String(), "left helper shareproc-aaaaa in pod/web") {
		t.Errorf("stderr %q", d.errOut.String())
	}
}

func TestClosedOutputIsNobodysError(t *testing.T) {
	d := newHarness(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	d.Streams.Out = w
	if code := d.run(t.Context(), "ps", "web"); code != cli.ExitPipe || d.errOut.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}

func TestQuietDropsNarration(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	if d.run(t.Context(), "signal", "web", pid, "CONT"); !strings.Contains(d.errOut.String(), "sent CONT") {
		t.Errorf("stderr %q", d.errOut.String())
	}
	if d.run(t.Context(), "signal", "web", pid, "CONT", "-q"); d.errOut.Len() > 0 {
		t.Errorf("stderr %q", d.errOut.String())
	}
}

// startSleep gives a process to look at, on systems that have /proc.
func startSleep(t *testing.T) int {
	t.Helper()
	if _, err := os.Stat("/proc/self/root"); err != nil {
		t.Skip("this machine has no /proc")
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestFSPrintsAndLists(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := t.TempDir()
	if err := os.WriteFile(directory+"/new\nline", []byte("a\x00b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{directory + "/new\nline"}, "a\x00b\n"},
		{[]string{directory, "-o", "name"}, "new\\nline\n"},
		{[]string{directory, "-o", "name", "-0"}, "new\nline\x00"},
		{[]string{directory}, `new\nline` + "\n"},
		{[]string{directory, "-o", "json"}, `"name": "new\nline"`},
		{[]string{directory + "/new\nline", "-o", "json"}, `"sizeBytes": 4`},
		{[]string{"/dev/null", "-o", "yaml"}, "type: character device"},
	} {
		code := d.run(t.Context(), append([]string{"fs", "web", pid}, c.args...)...)
		if code != 0 || !strings.Contains(d.out.String(), c.want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.args, code, d.out.String(), d.errOut.String())
		}
	}
}

func TestFSErrors(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	for _, c := range []struct {
		path string
		want string
	}{
		{"/no/such/file", "open /no/such/file of process " + pid + " (sleep) in pod/web: file does not exist\ntry: "},
		{"/no/\x1b[31m", `open /no/\x1b[31m of process`},
		{"/dev/null", "it is a character device\ntry: use fs stat"},
		{"/dev/null/x", "not a directory"},
	} {
		if code := d.run(t.Context(), "fs", "web", pid, c.path); code != cli.ExitError || !strings.Contains(d.errOut.String(), c.want) {
			t.Errorf("%q: exit code %d, stderr %q", c.path, code, d.errOut.String())
		}
	}
	if code := d.run(t.Context(), "fs", "web", "4000000"); code != cli.ExitError ||
		!strings.Contains(d.errOut.String(), "find process 4000000 in container web in pod/web: no such process\ntry: kubectl shareproc -n shop ps web") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}

func TestPSListsByContainer(t *testing.T) {
	d := newHarness(t)
	pid := startSleep(t)
	if code := d.run(t.Context(), "ps", "web", "-a", "-o", "json"); code != 0 {
		t.Fatal(d.errOut.String())
	}
	for _, want := range []string{`"kind": "ProcessList"`, `"pid": ` + strconv.Itoa(pid), `"processNamespaceOf": "web"`} {
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("%s is not in it", want)
		}
	}
	if d.run(t.Context(), "ps", "web", "-a", "-o", "wide"); !strings.HasPrefix(d.out.String(), "container web in pod/web (its own process namespace)\nPID ") {
		t.Errorf("stdout begins %.120q", d.out.String())
	}
}

// What the user wrote down is used for new helpers; the environment beats it, and a flag beats both.
func TestSettingsReachTheHelper(t *testing.T) {
	d := newHarness(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "apiVersion: kubectl-shareproc/v1alpha1\nkind: Config\nnamespaces: {shop: {image: from-file:1, idleTimeout: 33s, imagePullPolicy: Never}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SHAREPROC_CONFIG": file}
	d.Getenv = func(name string) string { return env[name] }
	for _, c := range []struct {
		env, flags string
		want       []string
	}{
		{"", "", []string{`"image": "from-file:1"`, `"33 - - web"`, `"imagePullPolicy": "Never"`}},
		{"from-env:1", "", []string{`"image": "from-env:1"`, `"33 - - web"`}},
		{"from-env:1", "--image from-flag:1 --idle-timeout 44s --image-pull-policy Always", []string{`"image": "from-flag:1"`, `"44 - - web"`, `"imagePullPolicy": "Always"`}},
	} {
		env["SHAREPROC_IMAGE"] = c.env
		args := append([]string{"debug", "web", "--profile", "netadmin", "--dry-run=client", "-o", "json"}, strings.Fields(c.flags)...)
		if code := d.run(t.Context(), args...); code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, d.errOut.String())
		}
		for _, want := range c.want {
			if !strings.Contains(d.out.String(), want) {
				t.Errorf("%s, %q: %s is not in\n%s", c.env, c.flags, want, d.out.String())
			}
		}
	}
	env["SHAREPROC_CONFIG"] = filepath.Join(t.TempDir(), "gone")
	if code := d.run(t.Context(), "ps", "web"); code != cli.ExitError || !strings.Contains(d.errOut.String(), "gone") {
		t.Errorf("exit code %d: %s", code, d.errOut.String())
	}
}
