// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// shell adds to pod web a helper that keeps a shell, in some state.
func (d *harness) shell(t *testing.T, name string, state corev1.ContainerState) {
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
	d := newHarness(t)
	for _, c := range []struct{ args, errors string }{
		{"debug web --persist -- true", "--persist and a command"},
		{"debug web --persist --copy", "--persist and --copy"},
		{"debug deploy/web --persist --patch", "--persist and --patch"},
		{"debug web --persist --root", "--persist and --root"},
		{"debug web --persist -t=false", "requires a terminal"},
		{"debug web --persist -i=false", "requires a terminal"},
		{"debug web --persist", "stdin is not a terminal"},
		{"debug web --persist --detach-keys nonsense", `"nonsense"`},
		{"attach", "a pod name is required"},
		{"attach web more", "unexpected argument"},
		{"attach web", "stdin is not a terminal"},
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
	d := newHarness(t)
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
	d := newHarness(t)
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
