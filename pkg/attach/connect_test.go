// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// refusal is one answer to an upgrade, and what has to be said of it.
type refusal struct {
	name   string
	answer func(http.ResponseWriter)
	by     attach.Party
	code   int
	says   string // in the message
	advice string // in the advice; "" wants none
	is     func(error) bool
}

// answerWith has headers, "name: value" each.
func answerWith(code int, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// answerPolicy is what the API server makes of a ValidatingAdmissionPolicy's refusal.
func answerPolicy(code int32, reason metav1.StatusReason, message string) func(http.ResponseWriter) {
	err := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(message))
	err.ErrStatus.Code, err.ErrStatus.Reason = code, reason
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Message: message}}
	return answerError(err)
}

// dropped closes the connection without an answer.
func dropped(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

func isNone(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status)
}

func plainError(code int32, message string) func(http.ResponseWriter) {
	return answerStatus(code, metav1.StatusReasonUnknown, message)
}

// refusals are answers as the parties give them: the API server's and the kubelet's after their sources of Kubernetes 1.37.
func refusals() []refusal {
	pods := schema.GroupResource{Resource: "pods"}
	const policy = "ValidatingAdmissionPolicy 'no-exec' with binding 'all' denied request: exec is not allowed here"
	later := &apierrors.StatusError{ErrStatus: apierrors.NewTooManyRequests("slow down", 7).ErrStatus}
	page := "<html><head><title>Sign in</title></head></html>"
	html := "Content-Type: text/html"
	return []refusal{
		{"RBAC", answerForbidden("exec"), attach.Authorizer, 403, `cannot create resource "pods/exec"`, "", apierrors.IsForbidden},
		{"a policy, forbidden", answerPolicy(403, metav1.StatusReasonForbidden, policy), attach.Admission, 403, policy, "policy", isNone},
		{"a policy, invalid", answerPolicy(422, metav1.StatusReasonInvalid, policy), attach.Admission, 422, policy, "policy", isNone},
		{"a webhook", answerStatus(400, "", `admission webhook "exec.example.com" denied the request: not here`), attach.Admission, 400, "not here", "policy", isNone},
		{"a webhook that is down", answerError(apierrors.NewInternalError(errors.New(`failed calling webhook "exec.example.com": no endpoints`))), attach.Admission, 500, "failed calling webhook", "policy", isNone},
		{"an admission plugin", answerError(apierrors.NewForbidden(pods, "web", errors.New("cannot exec into a pod that uses hostPID"))), attach.Admission, 403, "hostPID", "policy", isNone},
		{"unauthorized", answerError(apierrors.NewUnauthorized("Unauthorized")), attach.APIServer, 401, "Unauthorized", "log in again", apierrors.IsUnauthorized},
		{"no such pod", answerError(apierrors.NewNotFound(pods, "web")), attach.APIServer, 404, `pods "web" not found`, "", apierrors.IsNotFound},
		{"no such container", answerError(apierrors.NewBadRequest("container nginx is not valid for pod web")), attach.APIServer, 400, "container nginx is not valid for pod web", "", apierrors.IsBadRequest},
		{"options that are invalid", answerError(apierrors.NewInvalid(schema.GroupKind{Kind: "PodExecOptions"}, "web", field.ErrorList{field.Invalid(field.NewPath("command"), "", "empty")})), attach.APIServer, 422, "empty", "", apierrors.IsInvalid},
		{"a conflict", answerError(apierrors.NewConflict(pods, "web", errors.New("try again"))), attach.APIServer, 409, "try again", "", apierrors.IsConflict},
		{"too many requests", answerError(later), attach.APIServer, 429, "slow down", "again in 7s", apierrors.IsTooManyRequests},
		{"no service", answerError(apierrors.NewServiceUnavailable("starting")), attach.APIServer, 503, "starting", "again later", apierrors.IsServiceUnavailable},
		{"a timeout", answerError(apierrors.NewTimeoutError("slow", 3)), attach.APIServer, 504, "slow", "again in 3s", apierrors.IsTimeout},
		{"a node without a route", plainError(500, "error dialing backend: dial tcp 10.0.0.5:10250: connect: no route to host"), attach.Node, 500, "the kubelet at 10.0.0.5:10250: dial tcp 10.0.0.5:10250: connect: no route", "get nodes", apierrors.IsInternalError},
		{"a kubelet's certificate", plainError(500, "error dialing backend: tls: failed to verify certificate: x509: certificate signed by unknown authority"), attach.Node, 500, "the pod's kubelet: tls: failed to verify certificate: x509", "certificate", apierrors.IsInternalError},
		{"no tunnel", plainError(500, "error dialing backend: No agent available"), attach.Node, 500, "the API server cannot reach the pod's kubelet: No agent available", "get nodes", apierrors.IsInternalError},
		{"a dropped header", answerError(apierrors.NewBadRequest("Upgrade request required")), attach.Gateway, 0, "drops the request's Upgrade header", "pass WebSocket upgrades", isNone},
		{"kubectl proxy", answer(403, "Forbidden"), attach.KubectlProxy, 403, "kubectl proxy at 127.0.0.1:", "--reject-paths", isNone},
		{"nginx", answerWith(502, "<html>502 Bad Gateway</html>", html, "Server: nginx/1.25"), attach.Gateway, 502, "(nginx/1.25) answered 502 Bad Gateway", "pass WebSocket upgrades", isNone},
		{"envoy", answerWith(503, "no healthy upstream", "Content-Type: text/plain", "Server: envoy"), attach.Gateway, 503, "(envoy) answered 503 Service Unavailable: no healthy upstream", "pass WebSocket", isNone},
		{"a cache", answerWith(400, "bad request", "Content-Type: text/plain", "Via: 1.1 squid"), attach.Gateway, 400, "(1.1 squid) answered 400 Bad Request: bad request", "pass WebSocket", isNone},
		{"a proxy's 403", answerWith(403, "<h1>403</h1>", html), attach.Gateway, 403, "answered 403 Forbidden", "pass WebSocket", isNone},
		{"a proxy's JSON", answerWith(404, `{"message":"no Route matched"}`, "Content-Type: application/json"), attach.Gateway, 404, "answered 404 Not Found", "pass WebSocket", isNone},
		{"a proxy's 429", answerWith(429, "", "Retry-After: 30"), attach.Gateway, 429, "answered 429 Too Many Requests", "again in 30s", isNone},
		{"a Go proxy", answer(502, "Bad Gateway"), attach.Gateway, 502, "answered 502 Bad Gateway", "pass WebSocket", isNone},
		{"nothing but a code", answerWith(500, ""), attach.Gateway, 500, "answered 500 Internal Server Error", "pass WebSocket", isNone},
		{"a login page", answerWith(200, page, html), attach.Gateway, 200, "answered 200 OK", "log in", isNone},
		{"a chunked page", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			for range 3 {
				_, _ = w.Write([]byte(page))
				_ = http.NewResponseController(w).Flush()
			}
		}, attach.Gateway, 200, "answered 200 OK", "log in", isNone},
		{"a redirect", answerWith(302, "", "Location: https://login.example.com/?next=x"), attach.Gateway, 302, "answered 302 Found: redirect to https://login.example.com/?next=x", "log in", isNone},
		{"a container that is gone", answerWith(404, `container not found ("nginx")`), attach.Kubelet, 404, `the kubelet refused: container not found ("nginx")`, "", apierrors.IsNotFound},
		{"the kubelet's authorization", answerWith(403, "Forbidden (user=kube-apiserver, verb=create, resource=nodes, subresource(s)=[proxy])\n"), attach.Kubelet, 403, "user=kube-apiserver", "", isNone},
		{"the kubelet's authentication", answerWith(401, "Unauthorized"), attach.Kubelet, 401, "Unauthorized", "", isNone},
		{"a busy container runtime", answerWith(429, "maximum number of in-flight requests reached", "Retry-After: 60"), attach.Kubelet, 429, "in-flight", "again in 1m0s", apierrors.IsTooManyRequests},
		{"escape sequences", answerWith(500, "\x1b[2Jboom\r\n\u202egnirts"), attach.Kubelet, 500, "refused: ?[2Jboom  ?gnirts", "", apierrors.IsInternalError},
	}
}

// TestConnectErrorNamesWhoRefused has each answer over both protocols, and over SPDY alone.
func TestConnectErrorNamesWhoRefused(t *testing.T) {
	for _, webSocket := range []string{"true", "false"} {
		for _, test := range refusals() {
			t.Run(test.name+", WebSocket "+webSocket, func(t *testing.T) {
				t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", webSocket)
				s := &server{refuseWebSocket: test.answer, refuseSPDY: test.answer}
				test.check(t, s.start(t).Run(t.Context(), []string{"x"}, nil, nil, nil))
			})
		}
	}
}

func (r refusal) check(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*attach.ConnectError](err)
	if !ok || errors.Is(err, attach.ErrLost) {
		t.Fatalf("got %v", err)
	}
	if e.By != r.by || e.Code != r.code {
		t.Errorf("got %q with code %d, want %q with %d", e.By, e.Code, r.by, r.code)
	}
	if !strings.HasPrefix(err.Error(), "exec in web/nginx: ") || !strings.Contains(err.Error(), r.says) {
		t.Errorf("got %q, want %q in it", err, r.says)
	}
	if advice := e.Advice(); (advice == "") != (r.advice == "") || !strings.Contains(advice, r.advice) {
		t.Errorf("advised %q, want %q in it", advice, r.advice)
	}
	if !r.is(err) {
		t.Errorf("%#v is of another kind", e)
	}
}

// What stands nearer to the container knows more: its answer is reported, whichever protocol brought it.
func TestConnectErrorTellsTheNearerRefusal(t *testing.T) {
	policy := answerPolicy(403, metav1.StatusReasonForbidden, "not here")
	gateway := answerWith(502, "", "Server: nginx")
	for name, test := range map[string]struct {
		first, second func(http.ResponseWriter)
		by            attach.Party
	}{
		"the first of the API server": {policy, gateway, attach.Admission},
		"the second":                  {gateway, policy, attach.Admission},
		"the second is not answered":  {gateway, dropped, attach.Gateway},
		"the first opens another protocol": {func(w http.ResponseWriter) {
			answerWith(101, "", "Upgrade: h2c", "Connection: Upgrade")(w)
		}, policy, attach.Admission},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{refuseWebSocket: test.first, refuseSPDY: test.second}
			err := s.start(t).Run(t.Context(), []string{"x"}, nil, nil, nil)
			if e, ok := errors.AsType[*attach.ConnectError](err); !ok || e.By != test.by {
				t.Errorf("got %#v: %v", e, err)
			}
		})
	}
}

// A Status that is longer than what the WebSocket library keeps of an answer is whole from the second protocol.
func TestConnectErrorKeepsALongSentence(t *testing.T) {
	policy := answerPolicy(403, metav1.StatusReasonForbidden, "not here, "+strings.Repeat("really ", 150)+"not")
	s := &server{refuseWebSocket: policy, refuseSPDY: policy}
	err := s.start(t).Run(t.Context(), []string{"x"}, nil, nil, nil)
	if e, ok := errors.AsType[*attach.ConnectError](err); !ok || e.By != attach.Admission || !strings.HasSuffix(err.Error(), "really not") {
		t.Errorf("got %v", err)
	}
}

// A login page is reported, and never sees the user's credentials.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var visits atomic.Int32
	login := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer login.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		to := answerWith(code, "", "Location: "+login.URL)
		s := &server{refuseWebSocket: to, refuseSPDY: to}
		err := s.start(t).Run(t.Context(), []string{"x"}, nil, nil, nil)
		if e, ok := errors.AsType[*attach.ConnectError](err); !ok || e.By != attach.Gateway || e.Code != code || e.Location != login.URL {
			t.Errorf("%d: got %v", code, err)
		}
	}
	if visits.Load() != 0 {
		t.Errorf("the login page was asked %d times", visits.Load())
	}
}

// Whoever opens something that is not the exec protocol is not the API server.
func TestConnectErrorOfAnotherProtocol(t *testing.T) {
	otherWebSocket := func(protocol string) func(*server) {
		return func(s *server) {
			s.refuseWebSocket = nil
			s.openWebSocket = func(w http.ResponseWriter, r *http.Request) {
				conn, err := (&websocket.Upgrader{}).Upgrade(w, r, http.Header{"Sec-Websocket-Protocol": {protocol}})
				if err == nil {
					_ = conn.Close()
				}
			}
		}
	}
	for name, change := range map[string]func(*server){
		"no subprotocol":      otherWebSocket(""),
		"another subprotocol": otherWebSocket("graphql-ws"),
		"another upgrade": func(s *server) {
			s.refuseWebSocket = answerWith(101, "", "Upgrade: h2c", "Connection: Upgrade")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{refuseSPDY: answerWith(101, "", "Upgrade: h2c", "Connection: Upgrade")}
			change(s)
			err := s.start(t).Run(t.Context(), []string{"x"}, nil, nil, nil)
			e, ok := errors.AsType[*attach.ConnectError](err)
			if !ok || e.By != attach.Gateway || !strings.Contains(err.Error(), `upgraded the connection to "h2c" instead of SPDY/3.1`) {
				t.Errorf("got %v", err)
			}
			if got := s.methods(); !reflect.DeepEqual(got, []string{"GET", "POST"}) {
				t.Errorf("asked with %v", got)
			}
		})
	}
}

// Where nobody answers, the error has what went wrong, and the address.
func TestConnectErrorWithoutAnAnswer(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { dropped(w) }))
	defer silent.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	for name, test := range map[string]struct {
		config rest.Config
		by     attach.Party
		is     func(error) bool
		advice string
	}{
		"no listener":         {rest.Config{Host: "http://" + listener.Addr().String()}, attach.Nobody, isType[*net.OpError], "cluster-info"},
		"no answer":           {rest.Config{Host: silent.URL}, attach.Nobody, func(err error) bool { return strings.Contains(err.Error(), "EOF") }, "cluster-info"},
		"TLS to a plain port": {rest.Config{Host: strings.Replace(silent.URL, "http:", "https:", 1)}, attach.Nobody, isType[tls.RecordHeaderError], "does not speak TLS"},
		"plain to a TLS port": {rest.Config{Host: strings.Replace(secure.URL, "https:", "http:", 1)}, attach.Nobody, isNone, "https://"},
		"another authority":   {rest.Config{Host: secure.URL}, attach.Nobody, isType[*tls.CertificateVerificationError], "certificate-authority"},
	} {
		for _, webSocket := range []string{"true", "false"} {
			t.Run(name+", WebSocket "+webSocket, func(t *testing.T) {
				t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", webSocket)
				client, err := attach.New(&test.config, attach.AnyTransport)
				if err != nil {
					t.Fatal(err)
				}
				err = client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"}).Run(t.Context(), []string{"x"}, nil, nil, nil)
				e, ok := errors.AsType[*attach.ConnectError](err)
				if !ok || e.By != test.by || !strings.HasPrefix(e.Address, "127.0.0.1:") || !test.is(err) || errors.Is(err, attach.ErrLost) {
					t.Fatalf("got %#v: %v", e, err)
				}
				if !strings.Contains(e.Advice(), test.advice) {
					t.Errorf("advised %q", e.Advice())
				}
			})
		}
	}
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// A proxy of the kubeconfig that refuses is named.
func TestConnectErrorNamesTheProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	address := strings.TrimPrefix(proxy.URL, "http://")
	for _, webSocket := range []string{"true", "false"} {
		t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", webSocket)
		client, err := attach.New(&rest.Config{Host: "https://10.0.0.1:6443", Proxy: func(r *http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }}, attach.AnyTransport)
		if err != nil {
			t.Fatal(err)
		}
		err = client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"}).Run(t.Context(), []string{"x"}, nil, nil, nil)
		e, ok := errors.AsType[*attach.ConnectError](err)
		if !ok || e.Proxy != address || !strings.Contains(err.Error(), "through the proxy at "+address+": Proxy Authentication Required") {
			t.Errorf("got %v", err)
		}
	}
}

// A newer API server upgrades a WebSocket before it asks the kubelet, and so has to refuse inside the stream.
func TestConnectErrorInsideTheStream(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		by      attach.Party
		kubelet string
		says    string
	}{
		"a node without a route": {
			`error sending request: Post "https://10.0.0.5:10250/exec/shop/web/nginx?command=x": dial tcp 10.0.0.5:10250: connect: no route to host`,
			attach.Node, "10.0.0.5:10250", "exec in web/nginx: the API server cannot reach the kubelet at 10.0.0.5:10250: dial tcp 10.0.0.5:10250: connect: no route to host",
		},
		"no tunnel":                {"error dialing backend: dial timeout, backstop", attach.Node, "", "the pod's kubelet: dial timeout, backstop"},
		"a container that is gone": {`unable to upgrade connection: container not found ("nginx")`, attach.Kubelet, "", `the kubelet refused: container not found ("nginx")`},
		"a command that is missing": {
			`Internal error occurred: error executing command in container: failed to start exec: exec: "x": executable file not found in $PATH`,
			attach.Kubelet, "", `the kubelet refused: error executing command in container: failed to start exec`,
		},
	} {
		for wireName, serve := range wires() {
			t.Run(name+", "+wireName, func(t *testing.T) {
				e := serve(t, func(c *conversation) int {
					c.fail(apierrors.NewInternalError(errors.New(test.message)).Status())
					return reported
				})
				err := e.Run(t.Context(), []string{"x"}, nil, nil, nil)
				got, ok := errors.AsType[*attach.ConnectError](err)
				if !ok || got.By != test.by || got.Kubelet != test.kubelet || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %#v: %v", got, err)
				}
			})
		}
	}
}

// What fails after the first output broke: something ran.
func TestFailureAfterOutputIsLost(t *testing.T) {
	for wireName, serve := range wires() {
		t.Run(wireName, func(t *testing.T) {
			e := serve(t, func(c *conversation) int {
				fmt.Fprint(c.stdout, "half of")
				c.fail(apierrors.NewInternalError(errors.New("error executing command in container: task vanished")).Status())
				return reported
			})
			var out lockedBuffer
			err := e.Run(t.Context(), []string{"x"}, nil, &out, nil)
			if _, connect := errors.AsType[*attach.ConnectError](err); connect || !errors.Is(err, attach.ErrLost) || out.String() != "half of" {
				t.Errorf("got %v and %q", err, out.String())
			}
		})
	}
}

// The limit counts from the request, and not while a login helper asks its user.
func TestLimitDoesNotCountTheLogin(t *testing.T) {
	s := &server{run: func(*conversation) int { return 0 }}
	client, err := attach.New(&rest.Config{Host: s.address(t), WrapTransport: func(rt http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			<-time.After(3 * hasty)
			return rt.RoundTrip(r)
		})
	}}, attach.AnyTransport)
	if err != nil {
		t.Fatal(err)
	}
	err = client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"}).GiveUpAfter(2*hasty).Run(t.Context(), []string{"x"}, nil, nil, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
