// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// TestTransportDecidesWhatIsTried: a WebSocket is asked for with GET, SPDY with POST.
func TestTransportDecidesWhatIsTried(t *testing.T) {
	gateway := answerWith(403, "", "Server: nginx")
	kubelet := answerWith(404, `container not found ("nginx")`)
	for _, test := range []struct {
		name            string
		transport       attach.Transport
		variable        string
		bulk            bool
		webSocket, spdy func(http.ResponseWriter) // refuse it
		want            []string
		over            attach.Transport
		by              attach.Party // who refuses, in the end
	}{
		{name: "either", transport: attach.AnyTransport, want: []string{"GET"}, over: attach.WebSocket},
		{name: "either, without WebSocket", transport: attach.AnyTransport, webSocket: gateway, want: []string{"GET", "POST"}, over: attach.SPDY},
		{name: "either, for kubectl without WebSocket", transport: attach.AnyTransport, variable: "false", want: []string{"POST"}, over: attach.SPDY},
		{name: "bulk", transport: attach.AnyTransport, bulk: true, want: []string{"POST"}, over: attach.SPDY},
		{name: "bulk, without SPDY", transport: attach.AnyTransport, bulk: true, spdy: gateway, want: []string{"POST", "GET"}, over: attach.WebSocket},
		{name: "bulk, without either", transport: attach.AnyTransport, bulk: true, spdy: kubelet, webSocket: gateway, want: []string{"POST", "GET"}, by: attach.Kubelet},
		{name: "bulk, without an answer", transport: attach.AnyTransport, bulk: true, spdy: hangUp, want: []string{"POST"}, by: attach.Nobody},
		{name: "WebSocket", transport: attach.WebSocket, bulk: true, variable: "false", want: []string{"GET"}, over: attach.WebSocket},
		{name: "WebSocket, without one", transport: attach.WebSocket, webSocket: gateway, want: []string{"GET"}, by: attach.Gateway},
		{name: "SPDY", transport: attach.SPDY, want: []string{"POST"}, over: attach.SPDY},
		{name: "SPDY, without it", transport: attach.SPDY, spdy: gateway, want: []string{"POST"}, by: attach.Gateway},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", test.variable)
			s := &server{refuseWebSocket: test.webSocket, refuseSPDY: test.spdy, run: func(c *conversation) int {
				fmt.Fprint(c.stdout, "done")
				return 0
			}}
			client, err := attach.New(&rest.Config{Host: s.address(t)}, test.transport)
			if err != nil {
				t.Fatal(err)
			}
			e := client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"})
			if test.bulk {
				e = e.Bulk()
			}
			var log, out lockedBuffer
			write := func(prefix, args string) { fmt.Fprintln(&log, prefix, args) }
			err = e.Run(klog.NewContext(t.Context(), funcr.New(write, funcr.Options{Verbosity: 6})), []string{"x"}, nil, &out, nil)
			if got := s.methods(); !slices.Equal(got, test.want) {
				t.Errorf("requests: %v, want %v", got, test.want)
			}
			if test.over == "" {
				refused, ok := errors.AsType[*attach.ConnectError](err)
				if !ok || refused.By != test.by {
					t.Errorf("got %v, want a refusal by %q", err, test.by)
				}
				return
			}
			if err != nil || out.String() != "done" {
				t.Errorf("got %v and %q", err, out.String())
			}
			if !strings.Contains(log.String(), fmt.Sprintf(`"transport"=%q`, string(test.over))) {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }
