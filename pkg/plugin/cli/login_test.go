// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// helped gives the Deps of a cluster that a credential helper logs in to, and how often that ran.
func helped(t *testing.T, script string, server http.HandlerFunc) (deps *Deps, runs func() int) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("this machine has no sh")
	}
	s := httptest.NewTLSServer(server)
	t.Cleanup(s.Close)
	dir := t.TempDir()
	count := filepath.Join(dir, "runs")
	config := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
contexts: [{name: c, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}],
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never,
  command: %q, args: [-c, %q]}}}]}`, s.URL, sh, "echo run >>"+count+"; "+script)
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	deps = NewDeps(genericiooptions.NewTestIOStreamsDiscard(), func(string) string { return "" })
	deps.Config.KubeConfig = &file
	return deps, func() int {
		text, err := os.ReadFile(count)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(text), "run")
	}
}

// ask sends requests through both clients, most of them at once, and returns their errors.
func ask(t *testing.T, deps *Deps) (errs []error) {
	t.Helper()
	var mu sync.Mutex
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	for range 2 {
		var wait sync.WaitGroup
		for range 10 {
			client, err := deps.Client()
			if err != nil {
				t.Fatal(err)
			}
			dynamic, err := deps.Dynamic()
			if err != nil {
				t.Fatal(err)
			}
			wait.Go(func() {
				_, err := client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
				note(err)
				_, err = dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("shop").Get(t.Context(), "web", metav1.GetOptions{})
				note(err)
			})
		}
		wait.Wait()
	}
	return errs
}

func TestFailingCredentialHelperRunsOnce(t *testing.T) {
	deps, runs := helped(t, "exit 1", func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, err := range ask(t, deps) {
		if err == nil || !strings.Contains(err.Error(), "exit code 1") {
			t.Errorf("error %v", err)
		}
	}
	if n := runs(); n != 1 {
		t.Errorf("the helper ran %d times", n)
	}
}

const credential = `echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'`

func TestCredentialHelperRunsOnceForAll(t *testing.T) {
	deps, runs := helped(t, credential, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			w.WriteHeader(http.StatusForbidden)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}`)
	})
	if err := errors.Join(ask(t, deps)...); err != nil {
		t.Error(err)
	}
	if n := runs(); n != 1 {
		t.Errorf("the helper ran %d times", n)
	}
}

// After a 401 client-go starts the helper again, for each request.
func TestRefusedCredentialIsNotAskedForEachRequest(t *testing.T) {
	deps, runs := helped(t, credential, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	for _, err := range ask(t, deps) {
		if err == nil || Explain(err) != "run kubectl auth whoami, and log in again" {
			t.Errorf("error %v, advice %q", err, Explain(err))
		}
	}
	if n := runs(); n != 2 {
		t.Errorf("the helper ran %d times", n)
	}
}

// A network that fails once is no failure of the credential: the next request goes out.
func TestFailureOfTheNetworkIsNotShared(t *testing.T) {
	var failed atomic.Bool
	deps, _ := helped(t, credential, func(w http.ResponseWriter, _ *http.Request) {
		if !failed.Swap(true) {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}`)
	})
	if errs := ask(t, deps); errs[len(errs)-1] != nil {
		t.Error(errs[len(errs)-1])
	}
}

// What has expired is decided by the server's clock: that of a laptop would end a colleague's session.
func TestTheServersClock(t *testing.T) {
	server := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	deps, _ := helped(t, credential, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", server.Format(http.TimeFormat))
		w.WriteHeader(http.StatusNotFound)
	})
	ask(t, deps)
	d, err := Manager(deps)
	if err != nil {
		t.Fatal(err)
	}
	if off := d.Now().Sub(server); off < -time.Hour || off > time.Hour {
		t.Errorf("now is %s", d.Now())
	}
}
