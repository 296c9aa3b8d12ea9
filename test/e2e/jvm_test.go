// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// jvmPod runs this machine's JDK in images that have neither it nor a shell: once as root, once as user 1000.
const jvmPod = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data:
  Main.java: |
    class Main { public static void main(String[] args) throws Exception { Thread.sleep(Long.MAX_VALUE); } }
---
apiVersion: v1
kind: Pod
metadata: {name: jvm}
spec:
  terminationGracePeriodSeconds: 0
  volumes:
  - {name: app, configMap: {name: app}}
  - {name: jdk, hostPath: {path: JDK}}
  - {name: settings, hostPath: {path: SETTINGS}}
  - {name: libraries, hostPath: {path: LIBRARIES}}
  - {name: loader, hostPath: {path: /lib64}}
  containers:
  - name: root
    image: $NGINX
    imagePullPolicy: IfNotPresent
    command: &command [JDK/bin/java, -Xmx64m, -XX:+UseSerialGC, /app/Main.java]
    env: &env [{name: PATH, value: "JDK/bin:/bin"}]
    volumeMounts: &mounts
    - {name: app, mountPath: /app}
    - {name: jdk, mountPath: JDK, readOnly: true}
    - {name: settings, mountPath: SETTINGS, readOnly: true}
    - {name: libraries, mountPath: LIBRARIES, readOnly: true}
    - {name: loader, mountPath: /lib64, readOnly: true}
  - name: user
    image: $NGINX
    imagePullPolicy: IfNotPresent
    securityContext: {runAsUser: 1000, runAsGroup: 1000}
    command: *command
    env: *env
    volumeMounts: *mounts
`

// findJDK gives the directories of a JDK on this machine, which is the cluster's node, and of what it is linked to.
func findJDK(t *testing.T, s settings) *strings.Replacer {
	t.Helper()
	if s.static == "" {
		t.Skip("the cluster's node is not this machine")
	}
	tools, _ := filepath.Glob("/usr/lib/jvm/*/bin/jcmd")
	libraries, _ := filepath.Glob("/lib/*-linux-gnu/libc.so.6")
	if _, err := os.Stat("/lib64"); err != nil || len(tools) == 0 || len(libraries) == 0 {
		t.Skip("this machine has no JDK in /usr/lib/jvm")
	}
	jdk, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(tools[len(tools)-1])))
	if err != nil {
		t.Fatal(err)
	}
	// Debian keeps the settings in /etc.
	settings, err := filepath.EvalSymlinks(filepath.Join(jdk, "lib", "jvm.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("JDK", jdk, "SETTINGS", filepath.Dir(settings), "LIBRARIES", filepath.Dir(libraries[0]))
}

// The tools of a JDK need the target's /tmp, its process numbers, and its user or root.
func TestAttachingToAJVM(t *testing.T) {
	full(t)
	t.Parallel()
	directories := findJDK(t, fromEnvironment(t))
	w := testEnvironment(t)
	if err := w.apply(t.Context(), directories.Replace(jvmPod), "jvm"); err != nil {
		t.Fatal(err)
	}
	for _, container := range []string{"root", "user"} {
		inRoot := func(command ...string) (string, error) {
			return w.plugin(t.Context(), append([]string{"debug", "jvm", "-c", container, "--root", "-q", "--"}, command...)...)
		}
		// A JVM that has just begun does not listen yet.
		var last error
		err := poll(t.Context(), func() (bool, error) {
			var out string
			out, last = inRoot("jcmd", "1", "VM.version")
			return last == nil && strings.HasPrefix(out, "1:\n") && strings.Contains(out, "\nJDK "), nil
		})
		if err != nil {
			t.Fatalf("%s: jcmd does not reach the JVM: %v, last %v", container, err, last)
		}
		// It compiles the program before it runs it.
		var stacks string
		if err := poll(t.Context(), func() (bool, error) {
			stacks, last = inRoot("jstack", "1")
			return last == nil && strings.Contains(stacks, "Main.main"), nil
		}); err != nil {
			t.Errorf("%s: jstack 1 says %q, %v", container, stacks, last)
		}
		if out, err := inRoot("ls", "/tmp/.java_pid1"); err != nil || out != "/tmp/.java_pid1\n" {
			t.Errorf("%s: the JVM's socket is not in the target's /tmp: %q, %v", container, out, err)
		}
		if out, err := inRoot("jcmd", "1", "GC.heap_dump", "/tmp/heap.hprof"); err != nil || !strings.Contains(out, "Heap dump file created") {
			t.Errorf("%s: GC.heap_dump says %q, %v", container, out, err)
		}
		// The JVM writes it for its own user only.
		file := filepath.Join(t.TempDir(), container+".hprof")
		if out, err := w.plugin(t.Context(), "cp", "-q", "-c", container, "jvm:/tmp/heap.hprof", file); err != nil {
			t.Errorf("%s: cp: %q, %v", container, out, err)
		}
		// Its form: https://hg.openjdk.org/jdk/jdk/file/tip/src/hotspot/share/services/heapDumper.cpp
		if dump, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(dump, []byte("JAVA PROFILE 1.0.2\x00")) || len(dump) < 100<<10 {
			t.Errorf("%s: the dump has %d bytes, %v", container, len(dump), err)
		}
	}
}
