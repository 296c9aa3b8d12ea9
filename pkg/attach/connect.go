// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Party is one of those between the user and the container that can refuse a stream.
type Party string

const (
	// Nobody answered: no connection, no TLS, no answer in time.
	Nobody Party = ""
	// Authorizer is the API server's authorization, usually RBAC. An admission plugin can look the same: ask a review.
	Authorizer Party = "authorizer"
	// Admission is a policy or a webhook, in its own words.
	Admission Party = "admission"
	// APIServer is the API server for any other reason.
	APIServer Party = "API server"
	// KubectlProxy is "kubectl proxy", which rejects exec and attach by default.
	KubectlProxy Party = "kubectl proxy"
	// Gateway is a proxy, a load balancer or a login page before the API server.
	Gateway Party = "gateway"
	// Kubelet is the pod's kubelet, or its container runtime.
	Kubelet Party = "kubelet"
	// Node says that the API server did not reach the kubelet.
	Node Party = "node"
)

// ConnectError says who kept a stream from being established, and why. No output came and none is lost: the same request
// is not worth a retry, and there is nothing to resume. A stream that was established and broke has ErrLost instead.
type ConnectError struct {
	// Op is what was tried, such as "exec in web/nginx".
	Op string
	By Party
	// Address is the host and port that the request was sent to.
	Address string
	// Proxy is the proxy of the kubeconfig or the environment that the request went through, if any.
	Proxy string
	// Kubelet is the host and port at which the API server tried to reach it, where the API server says so.
	Kubelet string
	// Software is what the answer's Server or Via header says.
	Software string
	// Code is the HTTP status of the answer, 0 without one.
	Code int
	// Message is what the party said. It has no control characters.
	Message string
	// Location is where a redirect leads.
	Location string
	// RetryAfter is how long the party asks to wait.
	RetryAfter time.Duration

	err error
}

// Error says who refused.
func (e *ConnectError) Error() string { return e.Op + ": " + e.reason() }

func (e *ConnectError) reason() string {
	switch e.By {
	case KubectlProxy:
		return "kubectl proxy at " + e.Address + " rejects it"
	case Gateway:
		return "a proxy at " + e.Address + " " + e.answer()
	case Kubelet:
		return "the kubelet refused: " + e.Message
	case Node:
		if e.Kubelet != "" {
			return "the API server cannot reach the kubelet at " + e.Kubelet + ": " + e.Message
		}
		return "the API server cannot reach the pod's kubelet: " + e.Message
	case Nobody:
		if e.Proxy != "" {
			return "through the proxy at " + e.Proxy + ": " + e.Message
		}
		return e.Message
	default:
		return e.Message
	}
}

// answer is what a gateway did instead of upgrading the connection.
func (e *ConnectError) answer() string {
	var text strings.Builder
	if e.Software != "" {
		fmt.Fprintf(&text, "(%s) ", e.Software)
	}
	if e.Code == 0 {
		return text.String() + e.Message
	}
	fmt.Fprintf(&text, "answered %d %s", e.Code, http.StatusText(e.Code))
	switch {
	case e.Location != "":
		text.WriteString(": redirect to " + e.Location)
	case e.Message != "":
		text.WriteString(": " + e.Message)
	}
	return text.String()
}

// Advice says what helps, or is "". Of a permission that lacks, a review knows more.
func (e *ConnectError) Advice() string {
	later := "run the command again later"
	if e.RetryAfter > 0 {
		later = "run the command again in " + e.RetryAfter.String()
	}
	switch {
	case e.By == KubectlProxy:
		return "restart it with kubectl proxy --reject-paths='^$', or use the cluster's own address"
	case e.By == Gateway && e.login():
		return "log in to " + e.Address + " again, or use the API server's own address"
	case e.By == Gateway && e.Code == http.StatusTooManyRequests:
		return later
	case e.By == Gateway:
		return "use the API server's own address, or configure the proxy at " + e.Address + " to pass WebSocket upgrades"
	case e.By == Admission:
		return "ask the owner of this policy for an exception"
	case e.By == Node:
		return "run kubectl get nodes -o wide, and check the kubelet's port and certificate from the API server"
	case e.By == APIServer && e.Code == http.StatusUnauthorized:
		return "run kubectl auth whoami, and log in again"
	case e.By == APIServer && e.busy(), e.By == Kubelet && e.busy():
		return later
	case e.By == Nobody:
		return e.adviceWithoutAnswer()
	}
	return ""
}

// login reports whether the gateway wants another or no login. A page in place of an upgrade is one to log in at.
func (e *ConnectError) login() bool {
	return e.Code == http.StatusUnauthorized || e.Code >= 200 && e.Code < 400
}

func (e *ConnectError) busy() bool {
	return e.Code == http.StatusTooManyRequests || e.Code == http.StatusServiceUnavailable || e.Code == http.StatusGatewayTimeout
}

func (e *ConnectError) adviceWithoutAnswer() string {
	if errors.Is(e.err, errOnlyTLS) {
		return "begin the server's address in your kubeconfig with https://"
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](e.err); plain {
		return "check the server's address in your kubeconfig: " + e.Address + " does not speak TLS"
	}
	if _, unknown := errors.AsType[*tls.CertificateVerificationError](e.err); unknown {
		return "check certificate-authority in your kubeconfig"
	}
	return "run kubectl cluster-info, and check --context and your network"
}

// Refused says that the same request over another connection is refused too.
func (e *ConnectError) Refused() bool { return true }

// Unwrap gives the API server's or the kubelet's status, so that apierrors.IsNotFound and the like work, or what went wrong
// on the way. A policy's refusal is no apierrors.IsForbidden: no Role helps against it.
func (e *ConnectError) Unwrap() error { return e.err }
