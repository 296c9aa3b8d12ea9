// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/node"
)

// runVariable asks for the tests that start clusters: they need root, and on a new machine a build of many minutes.
const runVariable = "SHAREPROC_CLUSTER_TEST"

// pod is one of everything that a container leaves on a host: mounts, links, cgroups, processes.
const pod = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"shareProcessNamespace": true,
"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}], "containers": [
{"name": "nginx", "image": "docker.io/local/nginx:root", "imagePullPolicy": "Never", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
{"name": "shell", "image": "docker.io/local/busybox:1", "imagePullPolicy": "Never", "command": ["sleep", "3600"]}]}}`

// A lab runs the program against a cluster of its own.
type lab struct {
	t       *testing.T
	program string
	name    string
	state   layout.State
	options []string
}

func newLab(t *testing.T, options ...string) lab {
	t.Helper()
	if os.Getenv(runVariable) == "" {
		t.Skipf("starts clusters: set %s=1, as root", runVariable)
	}
	cache, err := layout.Cache(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := layout.Name("", ".")
	if err != nil {
		t.Fatal(err)
	}
	l := lab{t: t, options: options, program: filepath.Join(t.TempDir(), "cluster"), name: checkout + "-test"}
	l.state = layout.NewState(cache, l.name)
	if slices.Contains(options, "--node=vm") {
		l.state = layout.NewState(cache, l.name+"-vm")
	}
	if output, err := exec.Command("go", "build", "-o", l.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	t.Cleanup(func() { l.run("down") })
	return l
}

func (l lab) command(args ...string) *exec.Cmd {
	cmd := exec.Command(l.program, append(args, l.options...)...)
	cmd.Env = append(os.Environ(), layout.NameVariable+"="+l.name)
	return cmd
}

// run returns the standard output of a command that must succeed.
func (l lab) run(args ...string) string {
	l.t.Helper()
	cmd := l.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(output)
}

func (l lab) report() report {
	l.t.Helper()
	var r report
	if err := json.Unmarshal([]byte(l.run("status", "-o", "json")), &r); err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l lab) startPod() {
	l.t.Helper()
	r := l.report()
	for _, args := range [][]string{{"apply", "-f", "-"}, {"wait", "--for=condition=Ready", "pod/web", "--timeout=60s"}} {
		cmd := exec.Command(filepath.Join(r.Bin, "kubectl"), append([]string{"--kubeconfig", r.Kubeconfig}, args...)...)
		cmd.Stdin = strings.NewReader(pod)
		if output, err := cmd.CombinedOutput(); err != nil {
			l.t.Fatalf("kubectl %s: %v\n%s", args[0], err, output)
		}
	}
}

func TestUpTwiceIsHarmless(t *testing.T) {
	l := newLab(t)
	l.run("up")
	first := l.report()
	l.run("up")
	if second := l.report(); second.Supervisor != first.Supervisor || second.Server != first.Server || !second.Ready {
		t.Errorf("the second up started another cluster: %+v, was %+v", second, first)
	}
}

func TestDownLeavesNothing(t *testing.T) {
	l := newLab(t)
	links := interfaces(t)
	l.run("up")
	l.startPod()
	namespaces := l.namespaces()
	if len(namespaces) < 10 {
		t.Fatalf("a cluster with a pod has more namespaces than %v", namespaces)
	}
	l.run("down")
	l.nothing(namespaces)
	if now := interfaces(t); !slices.Equal(now, links) {
		t.Errorf("network links are %v, were %v", now, links)
	}
}

func TestKilledSupervisorTakesEverythingWithIt(t *testing.T) {
	l := newLab(t)
	l.run("up")
	l.startPod()
	namespaces := l.namespaces()
	if err := syscall.Kill(l.report().Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the processes to end", func() bool { return len(intersect(hostNamespaces(t), namespaces)) == 0 })
	var exit *exec.ExitError
	if err := l.command("status").Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("status of a killed cluster: %v, want exit code 1", err)
	}
	l.run("up")
	l.startPod()
}

// Both kinds of node run beside each other; what is in a machine ends with the supervisor as the rest does.
func TestKilledMachineLeavesNothing(t *testing.T) {
	other := newLab(t)
	l := newLab(t, "--node=vm")
	links := interfaces(t)
	other.run("up")
	err := l.command("up").Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 3 {
		t.Skip("this computer can't run one")
	}
	if err != nil {
		t.Fatal(err)
	}
	l.startPod()
	namespaces := l.namespaces()
	if err := syscall.Kill(l.report().Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the processes to end", func() bool { return len(intersect(hostNamespaces(t), namespaces)) == 0 })
	if err := l.command("status").Run(); err == nil {
		t.Error("status of a killed cluster says that it runs")
	}
	l.run("down")
	l.nothing(namespaces)
	if !other.report().Ready {
		t.Error("the other cluster is not ready")
	}
	other.run("down")
	if now := interfaces(t); !slices.Equal(now, links) {
		t.Errorf("network links are %v, were %v", now, links)
	}
}

func TestInterruptedUpLeavesNothing(t *testing.T) {
	l := newLab(t)
	for _, moment := range []string{"kubeconfig", "logs/containerd.log", "logs/kubelet.log"} {
		cmd := l.command("up")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, moment, func() bool {
			_, err := os.Stat(l.state.Path(moment))
			return err == nil
		})
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
			t.Errorf("up interrupted at %s: %v, want exit code 130", moment, err)
		}
		l.nothing(nil)
	}
}

// namespaces returns those of the supervisor's descendants that are not the host's.
func (l lab) namespaces() map[string]bool {
	l.t.Helper()
	own := map[string]bool{}
	for _, kind := range namespaceKinds() {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			l.t.Fatal(err)
		}
		own[link] = true
	}
	found := map[string]bool{}
	for _, dir := range l.inCgroup() {
		for namespace := range processNamespaces(dir) {
			if !own[namespace] {
				found[namespace] = true
			}
		}
	}
	return found
}

// inCgroup returns the /proc directories of the processes in the cluster's cgroup: all of it, containers included.
func (l lab) inCgroup() []string {
	l.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(dir string) bool {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		return err != nil || !strings.Contains(string(text), "/"+l.state.Cgroup())
	})
}

// nothing fails the test unless all of the cluster is gone.
func (l lab) nothing(namespaces map[string]bool) {
	l.t.Helper()
	if left := l.inCgroup(); len(left) > 0 {
		l.t.Errorf("processes are left: %v", left)
	}
	if left := intersect(hostNamespaces(l.t), namespaces); len(left) > 0 {
		l.t.Errorf("namespaces are left: %v", left)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), l.state.Dir) {
		l.t.Errorf("mounts are left (%v):\n%s", err, mounts)
	}
	if there, err := node.Exists(l.state); err != nil || there {
		l.t.Errorf("the state directory is left: %v", err)
	}
	err = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == l.state.Cgroup() {
			l.t.Errorf("cgroup %s is left", path)
		}
		return nil
	})
	if err != nil {
		l.t.Error(err)
	}
}

func namespaceKinds() []string { return []string{"pid", "mnt", "net", "ipc", "uts", "cgroup", "user"} }

func processNamespaces(dir string) map[string]bool {
	found := map[string]bool{}
	for _, kind := range namespaceKinds() {
		// A process may end during the walk; it is then in no namespace.
		if link, err := os.Readlink(filepath.Join(dir, "ns", kind)); err == nil {
			found[link] = true
		}
	}
	return found
}

func hostNamespaces(t *testing.T) map[string]bool {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, dir := range all {
		maps.Copy(found, processNamespaces(dir))
	}
	return found
}

func intersect(a, b map[string]bool) []string {
	var both []string
	for key := range a {
		if b[key] {
			both = append(both, key)
		}
	}
	return both
}

func interfaces(t *testing.T) []string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, link := range all {
		names = append(names, link.Name)
	}
	return names
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited too long for %s", what)
		case <-tick.C:
		}
	}
}
