// SPDX-License-Identifier: Apache-2.0

package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

// memoryFile is the variable with the name of a file for how much memory a command took at most, in bytes.
const memoryFile = "SHAREPROC_TEST_MEMORY"

// noteMemory writes down the peak of this process's own memory: what the kernel tells its parent includes the parent's.
func noteMemory() {
	name := os.Getenv(memoryFile)
	status, err := os.ReadFile("/proc/self/status")
	if name == "" || err != nil {
		return
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if f := strings.Fields(rest); len(f) > 0 {
		_ = os.WriteFile(name, []byte(f[0]), 0o600) // the test misses it
	}
}

// Fifty pods are looked at in less than 150 MiB, and one of which nothing can be known stops no other.
func TestFiftyPods(t *testing.T) {
	t.Parallel()
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" || os.Getuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("containers need Linux, root and a busybox")
	}
	const pods, most = 50, 150 << 20
	c := fakecluster.Start(t, "testdata/nginx", busybox)
	for i := range pods {
		status := ""
		if i == pods/2 {
			// It says that it runs, and there is no process.
			status = `status: {phase: Running, containerStatuses: [{name: nginx, state: {running: {startedAt: "2026-01-01T00:00:00Z"}}, containerID: "containerd://none", ready: true}]}`
		}
		manifest := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web-%d, labels: {app: fleet}}\nspec: {containers: [{name: nginx, image: 'nginx:1'}]}\n%s", i, status)
		if err := c.Apply(namespace, manifest); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(config, fmt.Appendf(nil, kubeconfig, c.URL, namespace), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ps", "-l", "app=fleet", "--all-pods", "--interval", "100ms"},
		{"report", "-l", "app=fleet", "--all-pods", "--interval", "100ms"},
	} {
		memory := filepath.Join(dir, args[0])
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Args = append([]string{"kubectl-shareproc"}, args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+config, memoryFile+"="+memory)
		var out, errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errOut
		err = cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(errOut.String(), "error: pod/web-25: ") || !strings.Contains(errOut.String(), "1 of 50 pods failed") {
			t.Fatalf("%s: %v\n%s", args[0], err, errOut.String())
		}
		for i := range pods {
			// A row begins with the pod; a report names it in its title.
			has := strings.Contains("\n"+out.String(), fmt.Sprintf("\nweb-%d ", i)) || strings.Contains(out.String(), fmt.Sprintf("# pod/web-%d,", i))
			if has != (i != pods/2) {
				t.Errorf("%s: pod web-%d is there: %v", args[0], i, has)
			}
		}
		text, err := os.ReadFile(memory)
		if err != nil {
			t.Fatal(err)
		}
		kibi, err := strconv.Atoi(string(text))
		if err != nil || kibi<<10 > most {
			t.Errorf("%s took %d KiB, %v", args[0], kibi, err)
		}
		t.Logf("%s of %d pods: %d MiB", args[0], pods, kibi>>10)
	}
}
