// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/conform"
)

// A glass is a pod with an empty volume at /data, which this test sees on the node's disk, and a helper in the pod.
type glass struct {
	volume string
	helper attach.Exec
}

// The users of the pods of glassPod, by their images and security contexts.
const glassPod = `
apiVersion: v1
kind: Pod
metadata: {name: glass}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: %s
  containers:
  - name: nginx
    image: %s
    imagePullPolicy: IfNotPresent
    securityContext: %s
    volumeMounts: [{name: data, mountPath: /data}, {name: tmp, mountPath: /tmp}, {name: tmp, mountPath: /run}]
  volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]
`

// glasses are who looks on the cluster: the helper is the target's own user each time.
func glasses() map[string]struct {
	user                        conform.User
	level, pod, image, security string
} {
	return map[string]struct {
		user                        conform.User
		level, pod, image, security string
	}{
		"root":         {conform.User{}, "", "{}", "$NGINX", "{}"},
		"matched user": {conform.User{UID: 1000, GID: 2000}, "", "{runAsUser: 1000, runAsGroup: 2000}", "$NGINX_NONROOT", "{}"},
		"restricted": {
			conform.User{UID: 1000, GID: 2000},
			"restricted",
			"{runAsUser: 1000, runAsGroup: 2000, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}", "$NGINX_NONROOT",
			"{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}",
		},
	}
}

// newGlass starts a pod of glassPod and a helper in it.
func newGlass(t *testing.T, s settings, name string) *glass {
	t.Helper()
	if s.static == "" {
		t.Skip("the node's disk is not here: only the local cluster's is")
	}
	who := glasses()[name]
	w, remove, err := newEnvironment(t.Context(), s, t.TempDir())
	if remove != nil {
		t.Cleanup(func() {
			if err := remove(); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	if who.level != "" {
		label := fmt.Appendf(nil, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":%q}}}`, who.level)
		if _, err := w.client.CoreV1().Namespaces().Patch(t.Context(), w.namespace, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.apply(t.Context(), fmt.Sprintf(glassPod, who.pod, who.image, who.security), "glass"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), "fs", "glass", "/data")
	cmd.Env = append(os.Environ(), w.env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pod, err := w.client.CoreV1().Pods(w.namespace).Get(t.Context(), "glass", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := attach.New(w.config, attach.AnyTransport)
	if err != nil {
		t.Fatal(err)
	}
	return &glass{
		volume: filepath.Join(filepath.Dir(s.static), "var/lib/kubelet/pods", string(pod.UID), "volumes/kubernetes.io~empty-dir/data"),
		helper: client.In(attach.Container{Namespace: w.namespace, Pod: "glass", Name: pod.Spec.EphemeralContainers[0].Name}),
	}
}

// Everything that is read through a helper is what lstat and SHA-256 say on the node, whoever the helper is.
func TestConformance(t *testing.T) {
	full(t)
	s := fromEnvironment(t)
	for name, who := range glasses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGlass(t, s, name)
			if err := conform.Build(g.volume); err != nil {
				t.Fatal(err)
			}
			oracle, err := conform.Look(g.volume)
			if err != nil {
				t.Fatal(err)
			}
			root, err := rootfs.Dial(t.Context(), g.helper, rootfs.Where{PID: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			view := conform.View{Root: root, Path: "/data", User: who.user, Oracle: oracle, Every: 3}
			view.Check(t)
		})
	}
}
