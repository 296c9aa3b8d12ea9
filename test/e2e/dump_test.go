// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goPod waits for its program, and then is it.
const goPod = `
apiVersion: v1
kind: Pod
metadata: {name: go}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 65534, runAsGroup: 65534, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: main
    image: $BUSYBOX
    imagePullPolicy: IfNotPresent
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    command: [sh, -c, 'until [ -x /tmp/goserver ]; do sleep 1; done; exec /tmp/goserver']
`

// A Go program that imports net/http/pprof, and listens on the pod's own localhost only.
func TestDumpGoroutines(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	program := filepath.Join(t.TempDir(), "goserver")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./goserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := w.apply(t.Context(), goPod, "go"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plugin(t.Context(), "cp", "-q", program, "go:/tmp/goserver"); err != nil {
		t.Fatal(err)
	}
	var out string
	var last error
	if err := poll(t.Context(), func() (bool, error) {
		out, last = w.plugin(t.Context(), "dump", "go", "goroutines", "-q")
		return last == nil, nil
	}); err != nil {
		t.Fatalf("%v, last %v", err, last)
	}
	if n := strings.Count(out, "main.waitForLock("); n != 100 || !strings.Contains(out, "sync.Mutex.Lock]:") {
		t.Errorf("%d goroutines wait for the lock:\n%s", n, out)
	}
}
