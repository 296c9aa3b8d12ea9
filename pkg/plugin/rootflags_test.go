// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func TestRootFlagsThatSayNothing(t *testing.T) {
	d := newHarness(t)
	for _, c := range []struct {
		args  string
		error string
	}{
		{"--pid 8", "--pid requires --root"},
		{"--env-from-target", "--env-from-target requires --root"},
		{"--root --copy --hold", "already in that container"},
		{"--root --pid nginx", "not a PID"},
		{"--root --pid 0", "not a PID"},
	} {
		code := d.run(t.Context(), append([]string{"debug", "web"}, strings.Fields(c.args)...)...)
		if code != cli.ExitUsage || !strings.Contains(d.errOut.String(), c.error) || !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%s: exit code %d, stderr %q", c.args, code, d.errOut.String())
		}
	}
}

// A command runs in the target's root or not at all: its paths would name other files elsewhere.
func TestACommandInTheRoot(t *testing.T) {
	d := newHarness(t)
	pod, err := d.client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Spec.EphemeralContainers[0] = podspec.Helper{Name: "shareproc-aaaaa", Target: "web", Access: podspec.Chroot, Container: "web"}.Ephemeral()
	if err := d.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), pod, "shop"); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(startSleep(t))
	code := d.run(t.Context(), "debug", "web", "--root", "--pid", pid, "--", "sh", "-c", "echo here; exit 5")
	if os.Geteuid() == 0 {
		if code != 5 || d.out.String() != "here\n" {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
		}
	} else if code != cli.ExitError || d.out.Len() > 0 || !strings.Contains(d.errOut.String(), "chroot is denied") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
	code = d.run(t.Context(), "debug", "web", "--root", "--pid", "4000000", "--", "true")
	if code != cli.ExitError || !strings.Contains(d.errOut.String(), "find process 4000000 in container web in pod/web: no such process\ntry: ") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}
