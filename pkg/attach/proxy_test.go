// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// tunnel is an HTTP proxy that knows CONNECT, and counts.
type tunnel struct{ used atomic.Int32 }

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	far, err := net.Dial("tcp", r.Host)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "not here", http.StatusBadGateway)
		return
	}
	p.used.Add(1)
	w.WriteHeader(http.StatusOK)
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	go func() {
		defer far.Close()
		_, _ = io.Copy(far, buffered)
	}()
	defer near.Close()
	_, _ = io.Copy(near, far)
}

// Streams go through the proxy that the kubeconfig names, with TLS behind it and the user's credentials and name.
func TestStreamThroughAProxy(t *testing.T) {
	for _, wire := range []string{"websocket", "spdy"} {
		t.Run(wire, func(t *testing.T) {
			if wire == "spdy" {
				t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false")
			}
			s := &server{run: func(c *conversation) int {
				_, _ = io.Copy(c.stdout, c.stdin)
				return 9
			}}
			seen := make(chan http.Header, 1)
			listening := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen <- r.Header.Clone()
				s.ServeHTTP(w, r)
			}))
			defer listening.Close()
			between := &tunnel{}
			proxy := httptest.NewServer(between)
			defer proxy.Close()
			address, err := url.Parse(proxy.URL)
			if err != nil {
				t.Fatal(err)
			}
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listening.Certificate().Raw})
			client, err := attach.New(&rest.Config{
				Host: listening.URL, Proxy: http.ProxyURL(address), TLSClientConfig: rest.TLSClientConfig{CAData: ca},
				BearerToken: "secret", UserAgent: "tester/1", Impersonate: rest.ImpersonationConfig{UserName: "anna"},
			}, attach.AnyTransport)
			if err != nil {
				t.Fatal(err)
			}
			var back lockedBuffer
			err = client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"}).
				Run(t.Context(), []string{"cat"}, strings.NewReader("there and back"), &back, nil)
			if got := fmt.Sprint(err); got != "command terminated with exit code 9" || back.String() != "there and back" {
				t.Errorf("got %s and %q", got, back.String())
			}
			if between.used.Load() != 1 {
				t.Errorf("the proxy was used %d times", between.used.Load())
			}
			header := <-seen
			got := []string{header.Get("Authorization"), header.Get("User-Agent"), header.Get("Impersonate-User")}
			if want := []string{"Bearer secret", "tester/1", "anna"}; !reflect.DeepEqual(got, want) {
				t.Errorf("got the headers %q, want %q", got, want)
			}
		})
	}
}
