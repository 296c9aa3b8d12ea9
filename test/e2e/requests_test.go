// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// counter is a proxy in front of the API server that writes down the requests.
type counter struct {
	mu       sync.Mutex
	requests []string
}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.requests
	c.requests = nil
	return taken
}

// count puts a counter between the test's commands and the API server.
func (w *environment) count(t *testing.T) *counter {
	t.Helper()
	config := rest.CopyConfig(w.config)
	config.NextProtos = []string{"http/1.1"} // an upgrade needs it
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(w.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"+w.namespace+"/"))
		c.mu.Unlock()
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	raw, err := clientcmd.LoadFromFile(w.own)
	if err != nil {
		t.Fatal(err)
	}
	cluster := raw.Clusters[raw.Contexts[raw.CurrentContext].Cluster]
	cluster.Server, cluster.CertificateAuthorityData, cluster.CertificateAuthority = front.URL, nil, ""
	if err := clientcmd.WriteToFile(*raw, w.own); err != nil {
		t.Fatal(err)
	}
	return c
}

// A helper that runs already costs one look at the pod and one command in it.
func TestWarmCommandsCostOneGetAndOneExec(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	c := w.count(t)
	for _, args := range [][]string{{"debug", "web", "--", "true"}, {"fs", "web"}} {
		if _, err := w.plugin(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("cold: %q", c.take())
	for _, args := range [][]string{
		{"debug", "web", "--", "true"},
		{"ps", "web"},
		{"top", "web", "--once"},
		{"lsof", "web"},
		{"lsof", "web", "--deleted"},
		{"ss", "web"},
		{"env", "web"},
		{"threads", "web"},
		{"fs", "web"},
		{"fs", "web", "/etc/abs-link.conf"},
		{"fs", "web", "1", "/etc/nginx", "-o", "json"},
		{"fs", "web", "-R"},
		{"fs", "find", "web", "--name", "*.conf"},
		{"fs", "tree", "web", "/etc"},
		{"fs", "du", "web"},
		{"fs", "df", "web"},
		{"fs", "changed", "web"},
		{"fs", "checksum", "web", "/etc", "-R"},
		{"fs", "grep", "-r", "worker", "web", "/etc"},
		{"fs", "tail", "web", "/etc/abs-link.conf"},
		{"fs", "stat", "web", "/etc/nginx", "/etc/abs-link.conf"},
		{"fs", "cat", "web", "/etc/passwd", "/etc/group", "/etc/abs-link.conf"},
	} {
		begin := time.Now()
		if _, err := w.plugin(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
		got := c.take()
		// A command that takes a second, as on a slow node, is watched by another one.
		if watch := slices.Index(got[min(2, len(got)):], "GET pods/web/exec"); args[0] == "debug" && time.Since(begin) > time.Second && watch >= 0 {
			got = slices.Delete(got, watch+2, watch+3)
		}
		if !oneGetAndOneExec(got) {
			t.Errorf("%q cost %q", args, got)
		}
	}
}

// oneGetAndOneExec reports whether a pod is looked at and a command run in it, over a WebSocket or SPDY. Behind that the pod may be
// looked at: whether its container still runs is watched where the command takes a second.
func oneGetAndOneExec(requests []string) bool {
	return len(requests) > 1 && requests[0] == "GET pods/web" && strings.HasSuffix(requests[1], " pods/web/exec") &&
		!slices.ContainsFunc(requests[2:], func(r string) bool { return r != "GET pods/web" })
}

// What needs no cluster asks none.
func TestSomeCommandsCostNoRequest(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	c := w.count(t)
	for _, args := range [][]string{
		{},
		{"--help"},
		{"debug", "--help"},
		{"version", "--client"},
		{"config", "view"},
		{"completion", "bash"},
		{"__complete", ""},
		{"__complete", "fs", "web", "--sort", ""},
	} {
		out, err := w.plugin(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		if out == "" {
			t.Errorf("%q printed nothing", args)
		}
		if got := c.take(); len(got) != 0 {
			t.Errorf("%q cost %q, want no request", args, got)
		}
	}
	if _, err := w.plugin(t.Context(), "version"); err != nil {
		t.Fatal(err)
	}
	if len(c.take()) == 0 {
		t.Error("no request was counted at all")
	}
}

// The root of a process on the cluster is the file system that the standard library's test takes it for.
func TestRootIsAFileSystem(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plugin(t.Context(), "debug", "web", "-q", "--", "sh", "-c",
		`cd /proc/1/root/tmp && mkdir -p tree/sub && echo hello >tree/sub/file && echo x >"tree/a b" && ln -s /tmp/tree/sub tree/absolute && ln -s sub/file tree/relative`,
	); err != nil {
		t.Fatal(err)
	}
	helper, err := w.kubectl(t.Context(), "get", "pod", "web", "-o", "jsonpath={.spec.ephemeralContainers[0].name}")
	if err != nil {
		t.Fatal(err)
	}
	client, err := attach.New(w.config, attach.AnyTransport)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := rootfs.Dial(t.Context(), client.In(attach.Container{Namespace: w.namespace, Pod: "web", Name: helper}), rootfs.Where{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	root := rootfs.FS(t.Context(), connection)
	sub, err := fs.Sub(root, "tmp/tree")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "sub/file", "a b", "relative", "absolute"); err != nil {
		t.Error(err)
	}
	text, err := fs.ReadFile(root, "tmp/tree/absolute/file")
	if err != nil || string(text) != "hello\n" {
		t.Errorf("through an absolute link: %q, %v", text, err)
	}
}
