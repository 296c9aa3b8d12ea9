// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// A prepared connection carries the first stream, whichever protocol it has, and no other.
func TestPreparedConnectionCarriesTheFirstStream(t *testing.T) {
	for _, transport := range []attach.Transport{attach.WebSocket, attach.SPDY} {
		t.Run(string(transport), func(t *testing.T) {
			s := &server{run: func(c *conversation) int {
				fmt.Fprint(c.stdout, "done")
				return 0
			}}
			opened, from := countConnections(s)
			opened.StartTLS()
			t.Cleanup(func() {
				opened.CloseClientConnections()
				opened.Close()
			})
			client, err := attach.New(&rest.Config{Host: opened.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, transport)
			if err != nil {
				t.Fatal(err)
			}
			client.Prepare(t.Context())
			client.Prepare(t.Context()) // one is enough
			e := client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"})
			for streams := 1; streams <= 2; streams++ {
				var out lockedBuffer
				if err := e.Run(t.Context(), []string{"x"}, nil, &out, nil); err != nil || out.String() != "done" {
					t.Fatalf("got %v and %q", err, out.String())
				}
				if n := from(); n != streams {
					t.Errorf("%d connections for %d streams", n, streams)
				}
			}
		})
	}
}

// Who is logged in by a program is not asked ahead of time, and what never answers is no error before the stream.
func TestNothingIsPreparedWhereALoginMayBeAsked(t *testing.T) {
	server, _ := countConnections(&server{run: func(*conversation) int { return 0 }})
	server.StartTLS()
	defer server.Close()
	login := &clientcmdapi.ExecConfig{Command: "false", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
	for name, config := range map[string]*rest.Config{
		"login":    {Host: server.URL, ExecProvider: login},
		"plain":    {Host: "http://" + server.Listener.Addr().String()},
		"no proxy": {Host: server.URL, Proxy: http.ProxyURL(nil)},
	} {
		client, err := attach.New(config, attach.AnyTransport)
		if err != nil {
			t.Fatal(name, err)
		}
		client.Prepare(t.Context())
		if want := map[string]bool{"no proxy": true}[name]; client.Prepared() != want {
			t.Errorf("%s: prepared: %t", name, !want)
		}
	}
}

// countConnections gives a server that is not started, and how many connections it has had.
func countConnections(handler http.Handler) (*httptest.Server, func() int) {
	var mu sync.Mutex
	n := 0
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			n++
		}
	}
	return s, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}
