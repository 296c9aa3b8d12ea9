// SPDX-License-Identifier: Apache-2.0

// Package e2e runs whole command lines of the built plugin against a real cluster. "make e2e" names the
// cluster; without that nothing here touches one, whatever KUBECONFIG points at.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// settings are what "make e2e" hands over in the environment.
type settings struct {
	kubeconfig string // SHAREPROC_E2E_KUBECONFIG: a file whose current context is the cluster to use
	path       string // SHAREPROC_E2E_PATH: the directory with kubectl-shareproc and kubectl
	images     map[string]string
	static     string // SHAREPROC_E2E_STATIC: the directory of the node's static pods; "" where it can't be reached
}

// fromEnvironment skips the test where no cluster is named.
func fromEnvironment(t *testing.T) settings {
	t.Helper()
	s := settings{kubeconfig: os.Getenv("SHAREPROC_E2E_KUBECONFIG"), path: os.Getenv("SHAREPROC_E2E_PATH"), images: map[string]string{}}
	s.static = os.Getenv("SHAREPROC_E2E_STATIC")
	if s.kubeconfig == "" {
		t.Skip("no cluster named: run make e2e")
	}
	for name, image := range map[string]string{
		"BUSYBOX": "docker.io/local/busybox:1", "NGINX": "docker.io/local/nginx:root", "NGINX_NONROOT": "docker.io/local/nginx:nonroot",
	} {
		if set := os.Getenv("SHAREPROC_E2E_" + name); set != "" {
			image = set
		}
		s.images[name] = image
	}
	return s
}

// full leaves a test out of "make test".
func full(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("make test-full runs this")
	}
}

// environment is one test's own namespace on the cluster.
type environment struct {
	settings
	namespace string
	config    *rest.Config
	client    *kubernetes.Clientset
	// own is a kubeconfig whose current namespace is the test's.
	own string
}

// patience is how long anything may take: times SHAREPROC_E2E_SLOW, on a node that is that much slower than this computer.
func patience() time.Duration {
	const one = 3 * time.Minute
	if factor, err := strconv.Atoi(os.Getenv("SHAREPROC_E2E_SLOW")); err == nil {
		return time.Duration(factor) * one
	}
	return one
}

// newEnvironment makes a namespace, which the returned function deletes again.
func newEnvironment(ctx context.Context, s settings, dir string) (*environment, func() error, error) {
	raw, err := clientcmd.LoadFromFile(s.kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config, err := clientcmd.NewDefaultClientConfig(*raw, nil).ClientConfig()
	if err != nil {
		return nil, nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	ns, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "shareproc-e2e-"},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, nil, err
	}
	remove := func() error {
		return removeAll(context.WithoutCancel(ctx), client, ns.Name, s.static)
	}
	w := &environment{settings: s, namespace: ns.Name, config: config, client: client, own: filepath.Join(dir, "kubeconfig")}
	raw.Contexts[raw.CurrentContext].Namespace = ns.Name
	if err := clientcmd.WriteToFile(*raw, w.own); err != nil {
		return nil, remove, err
	}
	return w, remove, w.awaitServiceAccount(ctx)
}

// removeAll removes a test's namespace, and what it may have left outside of it.
func removeAll(ctx context.Context, client *kubernetes.Clientset, namespace, static string) error {
	var errs []error
	if static != "" {
		if err := os.Remove(filepath.Join(static, namespace+".yaml")); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	labelled := metav1.ListOptions{LabelSelector: "shareproc-e2e=" + namespace}
	admission := client.AdmissionregistrationV1()
	for _, err := range []error{ // not every server has the first two
		admission.MutatingAdmissionPolicyBindings().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		admission.MutatingAdmissionPolicies().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		client.NodeV1().RuntimeClasses().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		client.CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		client.CoreV1().PersistentVolumes().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
	} {
		if !apierrors.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs,
		admission.ValidatingAdmissionPolicyBindings().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		admission.ValidatingAdmissionPolicies().DeleteCollection(ctx, metav1.DeleteOptions{}, labelled),
		client.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}))...)
}

// awaitServiceAccount waits for what every pod of a namespace needs.
func (w *environment) awaitServiceAccount(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		_, err := w.client.CoreV1().ServiceAccounts(w.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
}

// poll waits for a condition, and no longer than patience.
func poll(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience())
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not after %s", patience())
		case <-ticker.C:
		}
	}
}

// env is the environment of the commands under test.
func (w *environment) env() []string {
	env := []string{
		"KUBECONFIG=" + w.own,
		"PATH=" + w.path + string(os.PathListSeparator) + os.Getenv("PATH"),
		"SHAREPROC_IMAGE=" + w.images["BUSYBOX"],
		"NS=" + w.namespace,
		"PATIENCE=" + patience().String(),
		"TZ=UTC",
		"STATIC=" + w.static,
	}
	for name, image := range w.images {
		env = append(env, name+"="+image)
	}
	return env
}

// apply creates the objects of a manifest, with $NGINX and the like filled in, and waits until the pods
// named are ready.
func (w *environment) apply(ctx context.Context, manifest string, ready ...string) error {
	manifest = os.Expand(manifest, func(name string) string {
		if image, ok := w.images[name]; ok {
			return image
		}
		if name == "NS" {
			return w.namespace
		}
		return "$" + name
	})
	cmd := exec.CommandContext(ctx, filepath.Join(w.path, "kubectl"), "apply", "-f", "-")
	cmd.Env = append(os.Environ(), w.env()...)
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, out)
	}
	for _, name := range ready {
		var last *corev1.Pod
		err := poll(ctx, func() (bool, error) {
			pod, err := w.client.CoreV1().Pods(w.namespace).Get(ctx, name, metav1.GetOptions{})
			last = pod
			if err != nil {
				return false, err
			}
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					return true, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("wait for pod/%s: %w\n%+v", name, err, last.Status)
		}
	}
	return nil
}

func TestScripts(t *testing.T) {
	full(t)
	testscript.Run(t, scripts(t, "."))
}

// scripts are those of a directory, each in a namespace of its own.
func scripts(t *testing.T, dir string) testscript.Params {
	t.Helper()
	s := fromEnvironment(t)
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w, remove, err := newEnvironment(t.Context(), s, env.WorkDir)
			if remove != nil {
				env.Defer(func() {
					if err := remove(); err != nil {
						t.Error(err)
					}
				})
			}
			if err != nil {
				return err
			}
			env.Vars = append(env.Vars, w.env()...)
			env.Values[environmentKey{}] = w
			return nil
		},
		Condition: func(name string) (bool, error) { return s.has(t.Context(), name) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"apply": scriptApply,
			"reads": scriptReads,
			"retry": scriptRetry,
			"count": scriptCount,
		},
	}
}

type environmentKey struct{}

// scriptApply is "apply FILE [POD...]": environment.apply.
func scriptApply(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: apply file [pod...]")
	}
	w := ts.Value(environmentKey{}).(*environment)
	ts.Check(w.apply(context.Background(), ts.ReadFile(args[0]), args[1:]...))
}

// scriptReads is "reads POD [FLAG...]": all that this tool exists for, with no flags beyond those that name the target: a
// command's exit code, the processes, a directory, and a file behind an absolute link (/etc/abs-link.conf), byte for byte
// that to which it leads. FLAG goes to every command.
func scriptReads(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: reads pod [flag...]")
	}
	run := func(words ...string) string {
		ts.Check(ts.Exec("kubectl", append([]string{"shareproc"}, words...)...))
		return ts.ReadFile("stdout")
	}
	with := func(verb string, more ...string) []string {
		return append(append(append([]string{verb}, args...), "-q"), more...)
	}
	err := ts.Exec("kubectl", append([]string{"shareproc"}, with("debug", "--", "sh", "-c", "grep -q . /proc/self/status && exit 37")...)...)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 37 {
		ts.Fatalf("debug -- sh -c 'exit 37' in %s: %v", args[0], err)
	}
	if list := run(with("ps")...); !strings.Contains(list, "nginx: master process") {
		ts.Fatalf("ps %s: no nginx in\n%s", args[0], list)
	}
	if names := run(with("fs", "/etc/nginx", "-o", "name")...); !strings.Contains(names, "nginx.conf\n") {
		ts.Fatalf("fs %s /etc/nginx: no nginx.conf in %q", args[0], names)
	}
	direct, linked := run(with("fs", "/etc/nginx/nginx.conf")...), run(with("fs", "/etc/abs-link.conf")...)
	if !strings.Contains(direct, "worker_processes") || linked != direct {
		ts.Fatalf("fs %s: %q behind the link, %q without it", args[0], linked, direct)
	}
}

// scriptRetry is "[!] retry COMMAND ARG...": runs it until it succeeds (or fails), for as long as patience lasts.
func scriptRetry(ts *testscript.TestScript, neg bool, args []string) {
	var last error
	err := poll(context.Background(), func() (bool, error) {
		last = ts.Exec(args[0], args[1:]...)
		return (last == nil) != neg, nil
	})
	if err != nil {
		ts.Fatalf("%s: %v (last: %v)", strings.Join(args, " "), err, last)
	}
}

// scriptCount is "count N TEXT FILE": TEXT stands N times in FILE.
func scriptCount(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: count number text file")
	}
	got := fmt.Sprint(strings.Count(ts.ReadFile(args[2]), args[1]))
	if (got == args[0]) == neg {
		ts.Fatalf("%q stands %s times in %s", args[1], got, args[2])
	}
}
