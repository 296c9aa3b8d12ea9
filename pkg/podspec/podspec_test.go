// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "update the golden files")

// golden compares object, as YAML, with testdata/name.
func golden(t *testing.T, name string, object any) {
	t.Helper()
	got, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", file, got, want)
	}
}

func readPod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict(data, pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestEphemeralHelper(t *testing.T) {
	golden(t, "helper.golden.yaml", Helper{
		Name: "shareproc-abcde", Image: "busybox:1.37.0-musl", Target: "nginx", Keep: 90 * time.Second,
		Security: tracer().Security, Access: ReadAll, Container: "nginx", By: "anna$(HOME)", Added: time.Unix(1795978338, 0),
	}.Ephemeral())
}

// Kubernetes expands $$ and $(NAME) in a container's command and environment (core/v1 Container); the
// scripts must come through as they are written.
func TestScriptsAreNotExpanded(t *testing.T) {
	for name, text := range map[string]string{
		"hold.sh": holdScript, "tools.sh": toolsScript, "run.sh": runScript,
		"wait.sh": command(waitCommand)[2], "persist.sh": command(persistScript)[2],
	} {
		if m := regexp.MustCompile(`\$\$|\$\([A-Za-z_][A-Za-z0-9_.-]*\)`).FindString(text); m != "" {
			t.Errorf("%s has %q, which the kubelet would expand", name, m)
		}
	}
}

func TestIsHelper(t *testing.T) {
	ours := Helper{Name: "shareproc-abcde"}.Ephemeral()
	other := corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "shareproc-mine", Command: []string{"sh"}}}
	debugger := ours
	debugger.Name = "debugger-abcde"
	for _, c := range []struct {
		what string
		c    corev1.EphemeralContainer
		want bool
	}{{"our helper", ours, true}, {"another command", other, false}, {"another name", debugger, false}} {
		if got := IsHelper(&c.c); got != c.want {
			t.Errorf("%s: IsHelper = %v", c.what, got)
		}
	}
}

func TestUserOf(t *testing.T) {
	pod := readPod(t, "web.yaml")
	if got, known := UserOf(pod, "web"); !known || got != (User{1000, 2000}) {
		t.Errorf("from the spec: got %v, %v", got, known)
	}
	if got, known := UserOf(pod, "proxy"); !known || got != (User{7, 2000}) {
		t.Errorf("the container's own uid, the pod's gid: got %v, %v", got, known)
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", User: &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 65532, GID: 65533}},
	}}
	if got, known := UserOf(pod, "web"); !known || got != (User{65532, 65533}) {
		t.Errorf("the kubelet's word comes first: got %v, %v", got, known)
	}
	pod.Spec.SecurityContext.RunAsGroup = nil
	if got, known := UserOf(pod, "proxy"); known || got != (User{7, 0}) {
		t.Errorf("no gid anywhere: got %v, %v", got, known)
	}
}

func TestCopy(t *testing.T) {
	pod := readPod(t, "web.yaml")
	before, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	copied, shell := Copy{Name: "web-shareproc-abcde", Image: "busybox:1.37.0-musl", TTL: time.Hour, Security: tracer().Security, By: "anna"}.Of(pod)
	golden(t, "copy.golden.yaml", copied)
	if shell != "shareproc" {
		t.Errorf("the shell is %q", shell)
	}
	after, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("copying changed the original")
	}
}

func TestOfImage(t *testing.T) {
	pod := readPod(t, "web.yaml")
	made, shell := Copy{Name: "web-shareproc-abcde", Image: "busybox:1.37.0-musl", TTL: time.Hour, Security: tracer().Security, By: "anna", Reason: "who wrote that?"}.OfImage(pod, "web")
	golden(t, "image.golden.yaml", made)
	if shell != "shareproc" || !HasImage(made) || HasImage(pod) {
		t.Errorf("the shell is %q", shell)
	}
}

func TestImageOf(t *testing.T) {
	for _, c := range []struct {
		id, spec, want string
		exact          bool
	}{
		{"docker.io/library/web@sha256:12", "web:1", "docker.io/library/web@sha256:12", true},
		{"docker-pullable://web@sha256:12", "web:1", "web@sha256:12", true},
		{"sha256:12", "web:1", "web:1", false},
		{"", "web@sha256:34", "web@sha256:34", true},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: c.spec}}}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", ImageID: c.id}}
		if got, exact := ImageOf(pod, "web"); got != c.want || exact != c.exact {
			t.Errorf("%q, %q: got %q, %v", c.id, c.spec, got, exact)
		}
	}
}

func TestCopyOfPodWithAContainerOfTheShellsName(t *testing.T) {
	pod := readPod(t, "web.yaml")
	pod.Spec.Containers[1].Name = ShellContainer
	if _, shell := (Copy{Name: "x", TTL: time.Hour}).Of(pod); shell != "shareproc-shell" {
		t.Errorf("the shell is %q", shell)
	}
}

// The API server refuses hostPID together with shareProcessNamespace.
func TestCopyOfPodInTheNodesProcessNamespace(t *testing.T) {
	pod := readPod(t, "web.yaml")
	pod.Spec.HostPID = true
	copied, _ := Copy{Name: "x", TTL: time.Hour}.Of(pod)
	if copied.Spec.ShareProcessNamespace != nil || !copied.Spec.HostPID {
		t.Errorf("hostPID %v, shareProcessNamespace %v", copied.Spec.HostPID, copied.Spec.ShareProcessNamespace)
	}
}
