// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/local"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
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
	w, remove, err := newWorld(t.Context(), s, t.TempDir())
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
	client, err := attach.New(w.config)
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
			root, err := remote.Dial(t.Context(), g.helper, remote.Where{PID: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			view := conform.View{Root: root, Path: "/data", User: who.user, Oracle: oracle, Every: 3}
			view.Check(t)
		})
	}
}

// flicker exchanges a folder and a link as fast as the kernel does it, until the returned function is called.
func flicker(t *testing.T, a, b string) (stop func()) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() {
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A folder that becomes a link in that moment never leads a helper that may work inside the root to a file of its own.
// Others are led there: docs/files.md says how often.
func TestSwappedLinksDoNotLeadOut(t *testing.T) {
	s := fromEnvironment(t)
	for name := range glasses() {
		if name == "matched user" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGlass(t, s, name)
			// The helper has such a file below /tmp, and the target does not.
			const file, inside = "of-the-helper", "inside\n"
			if err := g.helper.Run(t.Context(), []string{"sh", "-c", "echo helper >/tmp/" + file}, nil, io.Discard, io.Discard); err != nil {
				t.Fatal(err)
			}
			folder, link := filepath.Join(g.volume, "swap"), filepath.Join(g.volume, "link")
			if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, file), []byte(inside), 0o644), os.Symlink("/tmp", link)); err != nil {
				t.Fatal(err)
			}
			stop := flicker(t, folder, link)
			defer stop()
			read, out := 0, 0
			// The link is the target's, so files of its own /tmp are read through it, rightly.
			note := func(path string, same bool) {
				if filepath.Base(path) != file {
					return
				}
				read++
				if !same {
					out++
				}
			}
			for range 40 {
				where := procfs.Where{PID: 1, Path: "/data"}
				_, err := procfs.Sum(t.Context(), g.helper, where, procfs.SumOptions{Recursive: true}, func(path string, sum [32]byte) error {
					note(path, sum == sha256.Sum256([]byte(inside)))
					return nil
				})
				changing(t, err)
				_, err = procfs.Grep(t.Context(), g.helper, where, procfs.GrepOptions{Pattern: ".", Recursive: true}, func(m procfs.Match) error {
					note(m.Path, m.Text == strings.TrimSuffix(inside, "\n"))
					return nil
				})
				changing(t, err)
				kept := t.TempDir()
				if err := pull(t.Context(), g.helper, where, kept); err != nil && !errors.Is(err, procfs.ErrChanged) && !errors.Is(err, procfs.ErrDamaged) {
					t.Error(err)
				}
				for _, name := range []string{"swap", "link"} {
					path := filepath.Join(kept, "data", name, file)
					if content, err := os.ReadFile(path); err == nil {
						note(path, string(content) == inside)
					}
				}
			}
			t.Logf("%d of %d readings were of the helper's own file", out, read)
			if read == 0 {
				t.Error("nothing was read at all")
			}
			if name == "root" && out > 0 {
				t.Errorf("%d of %d readings were of the helper's own file", out, read)
			}
		})
	}
}

// What is written goes nowhere else either. The folder that is swapped is below one that the copy is merged into.
func TestSwappedLinksDoNotLeadUploadsOut(t *testing.T) {
	t.Parallel()
	g := newGlass(t, fromEnvironment(t), "root")
	dest, source := filepath.Join(g.volume, "tree"), filepath.Join(t.TempDir(), "tree")
	folder, link := filepath.Join(dest, "swap"), filepath.Join(dest, "link")
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.Symlink("/tmp", link), os.MkdirAll(filepath.Join(source, "swap"), 0o755)); err != nil {
		t.Fatal(err)
	}
	stop := flicker(t, folder, link)
	defer stop()
	written := 0
	for i := range 60 {
		name := filepath.Join(source, "swap", "uploaded-"+strconv.Itoa(i))
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		tree, err := local.Source(source, local.Options{Report: func(string, error) {}})
		if err != nil {
			t.Fatal(err)
		}
		switch _, err := procfs.Push(t.Context(), g.helper, procfs.Where{PID: 1, Path: "/data"}, tree); {
		case err == nil:
			written++
		case !errors.Is(err, procfs.ErrInTheWay):
			t.Error(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	var own bytes.Buffer
	if err := g.helper.Run(t.Context(), []string{"ls", "/tmp"}, strings.NewReader(""), &own, io.Discard); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d copies were made", written)
	if written == 0 {
		t.Error("nothing was copied at all")
	}
	if strings.Contains(own.String(), "uploaded-") {
		t.Errorf("the helper's own /tmp has %q", own.String())
	}
}

// pull copies a tree as cp does. What can't be copied of it is left out.
func pull(ctx context.Context, r procfs.Runner, where procfs.Where, dest string) (err error) {
	tree, err := local.NewTree(dest, local.Options{Report: func(string, error) {}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	if _, err := procfs.Pull(ctx, r, where, tree); err != nil {
		return err
	}
	return tree.Finish()
}

// changing takes what a tree that changes may be answered with.
func changing(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*procfs.TreeError](err); err != nil && !ok {
		t.Error(err)
	}
}
