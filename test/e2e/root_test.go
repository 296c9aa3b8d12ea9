// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

// The shell with the target's files as / is as good as any: jobs, keys, exit code, and it ends with its client.
func TestInteractiveRoot(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--root")
	x.expect("/ is that of process 1 (nginx) in pod/web")
	x.expect("# ")
	x.typed("head -n 2 /etc/abs-link.conf\r")
	x.expect("nginx;\r\n")
	x.expect("# ")
	x.typed("sh -c 'echo begun; exec sleep 1000'\r")
	x.expect("begun\r\n")
	x.typed("\x03")
	x.expect("# ")
	x.typed("sh -c 'echo begun; exec cat'\r")
	x.expect("begun\r\n")
	x.typed("\x1a")
	x.expect("Stopped")
	x.expect("# ")
	x.typed("exit 42\r")
	x.expect("You have stopped jobs")
	x.typed("exit 42\r")
	if code := x.exit(); code != 42 {
		t.Errorf("exit code %d, the remote shell's was 42", code)
	}

	// A command that minds Ctrl-C itself goes on.
	x = w.start(t, "debug", "web", "--root", "-it", "--", "sh", "-c", "trap 'echo minded; exit 6' INT; echo begun; while :; do sleep 1; done")
	x.expect("begun")
	x.typed("\x03")
	x.expect("minded")
	if code := x.exit(); code != 6 {
		t.Errorf("exit code %d, the command's was 6", code)
	}

	x = w.start(t, "debug", "web", "--root")
	x.expect("# ")
	x.typed("trap '' HUP; echo trapped; sleep 87655\r")
	x.expect("trapped\r\n")
	w.awaitProcess(t, "sleep 87655", launch.WatchdogName)
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.awaitNoProcess(t, "sleep 87655")
}

// Where chroot is denied the shell opens beside the root, and says so.
func TestInteractiveRootThatIsRefused(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), userPod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.start(t, "debug", "web", "--root", "--run-as", "65534:65534")
	x.expect("chroot is denied: it requires root with CAP_SYS_CHROOT")
	x.expect("the shell starts in /proc/1/root")
	x.expect("$ ")
	x.typed("pwd; ls etc/nginx\r")
	x.expect("/proc/1/root\r\n")
	x.expect("nginx.conf")
	x.typed("exit 7\r")
	if code := x.exit(); code != 7 {
		t.Errorf("exit code %d, the remote shell's was 7", code)
	}
}

const userPod = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: nginx, image: $NGINX_NONROOT, imagePullPolicy: IfNotPresent, securityContext: {runAsUser: 65534, runAsGroup: 65534}}
`
