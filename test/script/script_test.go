// SPDX-License-Identifier: Apache-2.0

// Package script runs whole command lines against a fake cluster: what they print, how they end, what they send. Each
// script is a page of a manual, in one namespace called shop.
package script

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/term"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/fakecluster"
)

const namespace = "shop"

// TestMain makes this test's binary the commands that scripts run: each is a process of its own, with a directory, an
// environment and signals as a user's has.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kubectl": kubectl,
		"kubectl-shareproc": func() {
			code := run(os.Args)
			noteMemory()
			os.Exit(code)
		},
		"kubectl_complete-shareproc": func() { os.Exit(run(os.Args)) },
		"goserver":                   goserver,
	})
}

// kubectl runs its plugin, and knows nothing else.
func kubectl() {
	for i, program := range []string{"kubectl-shareproc", "kubectl_complete-shareproc"} {
		words := [][]string{{"kubectl", "shareproc"}, {"kubectl", "__complete", "shareproc"}}[i]
		if n := len(words); len(os.Args) >= n && strings.Join(os.Args[:n], " ") == strings.Join(words, " ") {
			os.Exit(run(append([]string{program}, os.Args[n:]...)))
		}
	}
	fmt.Fprintf(os.Stderr, "this kubectl knows only shareproc, not %q\n", os.Args[1:])
	os.Exit(1)
}

// goserver is a Go program that serves pprof, for scripts to start in a container: it listens at the address that is its argument,
// and has a goroutine that waits for ever.
func goserver() {
	go waitForEver()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	server := http.Server{Addr: os.Args[1], Handler: mux, ReadHeaderTimeout: time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

func waitForEver() { select {} }

// run is cmd/kubectl-shareproc.
func run(args []string) int {
	ctx, stop := cli.NotifyContext(context.Background())
	defer stop()
	in, out, errOut := term.StdStreams()
	return plugin.Main(ctx, cli.NewDeps(genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut}, os.Getenv), plugin.Arguments(args))
}

func TestScripts(t *testing.T) {
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		busybox, _ = exec.LookPath("busybox") // scripts that need containers say what is missing
	}
	screens, err := filepath.Abs("testdata/screens")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			c := fakecluster.Start(env.T().(testing.TB), "testdata/nginx", busybox)
			env.Values[clusterKey{}] = c
			env.Values[screensKey{}] = screens
			file := filepath.Join(env.WorkDir, ".kubeconfig")
			env.Setenv("KUBECONFIG", file)
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("TZ", "UTC")
			if err := c.Apply(namespace, "{kind: Namespace, apiVersion: v1, metadata: {name: shop}}"); err != nil {
				return err
			}
			return os.WriteFile(file, fmt.Appendf(nil, kubeconfig, c.URL, namespace), 0o600)
		},
		Condition: func(name string) (bool, error) {
			if name == "containers" {
				return os.Getuid() == 0 && busybox != "", nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pod": scriptPod, "apply": scriptApply, "deny": scriptDeny, "age": scriptAge, "enforce": scriptEnforce, "writes": scriptWrites, "requests": scriptRequests, "count": scriptCount, "code": scriptCode, "retry": scriptRetry, "slip": scriptSlip, "screen": scriptScreen,
		},
	})
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: fake
contexts: [{name: fake, context: {cluster: fake, user: admin, namespace: %[2]s}}]
clusters: [{name: fake, cluster: {server: %[1]q}}]
users: [{name: admin, user: {}}]
`

type clusterKey struct{}

func cluster(ts *testscript.TestScript) *fakecluster.Cluster {
	return ts.Value(clusterKey{}).(*fakecluster.Cluster)
}

// scriptPod is "pod NAME [USER:GROUP]": a pod whose container nginx runs as that user.
func scriptPod(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: pod name [user:group]")
	}
	security := "{}"
	if len(args) == 2 {
		uid, gid, _ := strings.Cut(args[1], ":")
		security = "{runAsUser: " + uid + ", runAsGroup: " + gid + "}"
	}
	ts.Check(cluster(ts).Apply(namespace, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %[1]s}}
spec:
  securityContext: %s
  containers: [{name: nginx, image: "nginx:1"}]
`, args[0], security)))
}

// scriptApply is "apply FILE [NAMESPACE]": its objects are there; a pod with a status is not started.
func scriptApply(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: apply file [namespace]")
	}
	ts.Check(cluster(ts).Apply(append(args, namespace)[1], ts.ReadFile(args[0])))
}

// scriptDeny is "deny USER PERMISSION": "deny bert 'patch pods/ephemeralcontainers'".
func scriptDeny(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: deny user permission")
	}
	cluster(ts).Deny(args[0], args[1])
}

// scriptAge is "age MINOR": the server is Kubernetes 1.MINOR, from before 1.35.
func scriptAge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: age minor")
	}
	cluster(ts).Age(args[0])
}

// scriptEnforce is "enforce LEVEL": the level of Pod Security that the namespace enforces from now on.
func scriptEnforce(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: enforce level")
	}
	ts.Check(cluster(ts).Apply(namespace, "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: "+args[0]+"}}}"))
}

// scriptWrites is "writes [REQUEST...]": what has changed something so far, dry runs left out.
func scriptWrites(ts *testscript.TestScript, neg bool, args []string) {
	if got := cluster(ts).Writes(); (strings.Join(got, ",") == strings.Join(args, ",")) == neg {
		ts.Fatalf("these requests changed something: %q", got)
	}
}

// scriptRequests is "requests [REQUEST...]": what was asked for since it was asked last. A pod that is looked at again, while a
// command lasts, is left out.
func scriptRequests(ts *testscript.TestScript, neg bool, args []string) {
	got := cluster(ts).Requests()
	for len(got) > 1 && got[len(got)-1] == "get pods" {
		got = got[:len(got)-1]
	}
	if (strings.Join(got, ",") == strings.Join(args, ",")) == neg {
		ts.Fatalf("these requests were made: %q", got)
	}
}

// scriptCode is "code N COMMAND ARG...": the command ends with that exit code.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code number command [arg...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, not %s", got, args[0])
	}
}

// scriptRetry is "[!] retry COMMAND ARG...": runs it until it succeeds (or fails).
func scriptRetry(ts *testscript.TestScript, neg bool, args []string) {
	for range 1200 {
		if (ts.Exec(args[0], args[1:]...) == nil) != neg {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("not after 1200 times: %s", strings.Join(args, " "))
}

// scriptSlip is "slip LINE TRY...": "kubectl shareproc LINE" fails, and what it advises begins with these lines.
func scriptSlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: slip line try...")
	}
	if ts.Exec("kubectl", append([]string{"shareproc"}, strings.Fields(args[0])...)...) == nil {
		ts.Fatalf("%q succeeds", args[0])
	}
	_, try, _ := strings.Cut("\n"+ts.ReadFile("stderr"), "\ntry: ")
	if want := strings.Join(args[1:], "\n     ") + "\n"; try != want {
		ts.Fatalf("%q: %q is advised, not %q", args[0], try, want)
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
