// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// maxAnswer bounds, in bytes, what is read of an answer, as client-go does for WebSocket.
	maxAnswer = 64 << 10
	// maxMessage bounds, in characters, what is shown of it.
	maxMessage = 2000
)

// The message of a Status for an internal error begins with one of these, and nothing else distinguishes them.
const (
	internalError  = "Internal error occurred: "
	dialFailed     = "error dialing backend: "
	requestFailed  = "error sending request: Post "
	upgradeRefused = "unable to upgrade connection: "
	webhookDenied  = "admission webhook "
	webhookFailed  = "failed calling webhook "
)

// upgradeDropped is what the API server says of a request whose Upgrade header a proxy has removed.
const upgradeDropped = "Upgrade request required"

var errOnlyTLS = errors.New("speaks only TLS")

// refused reads an answer other than 101, and says whose it is.
func (c call) refused(response *http.Response) *ConnectError {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	_ = response.Body.Close() // What was read is judged, as far as it came.
	e := &ConnectError{Op: c.what, Address: c.url.Host, Code: response.StatusCode, err: err}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if after, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(after) * time.Second
	}
	if status, ok := parseStatus(body); ok {
		e.fromStatus(c, status)
		return e
	}
	e.Software = printable(cmp.Or(response.Header.Get("Server"), response.Header.Get("Via")))
	e.Location = printable(response.Header.Get("Location"))
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	text := ""
	if kind == "text/plain" || kind == "" {
		text = printable(string(body))
	}
	if strings.HasPrefix(text, "<") { // a page
		text = ""
	}
	e.fromText(c, c.url.Scheme, text, response.Header)
	return e
}

// parseStatus reads a Status object.
func parseStatus(body []byte) (metav1.Status, bool) {
	var status metav1.Status
	err := json.Unmarshal(body, &status)
	return status, err == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure
}

// fromStatus tells the API server's parts apart by the form that each gives its Status.
func (e *ConnectError) fromStatus(c call, status metav1.Status) {
	e.Message = printable(status.Message)
	e.err = &apierrors.StatusError{ErrStatus: status}
	details := status.Details
	if details == nil {
		details = &metav1.StatusDetails{}
	}
	if details.RetryAfterSeconds > 0 {
		e.RetryAfter = time.Duration(details.RetryAfterSeconds) * time.Second
	}
	webhook := strings.HasPrefix(status.Message, webhookDenied) ||
		strings.HasPrefix(ownText(status.Message), webhookFailed)
	// A ValidatingAdmissionPolicy repeats its sentence as a cause, without the name of the object.
	policy := status.Code < http.StatusInternalServerError && len(details.Causes) > 0 && details.Causes[0].Type == ""
	authorizer := details.Kind == "pods" && strings.Contains(status.Message, strconv.Quote("pods/"+c.subresource))
	switch {
	case webhook:
		e.By, e.err = Admission, nil
	case policy:
		e.By, e.Message, e.err = Admission, printable(details.Causes[0].Message), nil
	case status.Code == http.StatusForbidden && authorizer:
		e.By = Authorizer
	case status.Code == http.StatusForbidden:
		e.By, e.err = Admission, nil
	case status.Code == http.StatusBadRequest && status.Message == upgradeDropped:
		e.By, e.Code, e.err = Gateway, 0, nil
		e.Message = "drops the request's Upgrade header"
	default:
		e.By = APIServer
		e.fromBackend(status.Message)
	}
}

// fromBackend recognizes what the API server says of its own connection to the kubelet.
func (e *ConnectError) fromBackend(message string) {
	message = ownText(message)
	if text, ok := strings.CutPrefix(message, dialFailed); ok {
		e.By, e.Message = Node, printable(text)
		if _, address, ok := strings.Cut(text, "dial tcp "); ok {
			address, _, _ = strings.Cut(address, ": ")
			if _, _, err := net.SplitHostPort(address); err == nil {
				e.Kubelet = printable(address)
			}
		}
	}
	if text, ok := strings.CutPrefix(message, requestFailed); ok {
		quoted, err := strconv.QuotedPrefix(text)
		target, _ := strconv.Unquote(quoted)
		if u, parseErr := url.Parse(target); err == nil && parseErr == nil {
			e.By, e.Kubelet = Node, printable(u.Host)
			e.Message = printable(strings.TrimPrefix(text[len(quoted):], ": "))
		}
	}
	if text, ok := strings.CutPrefix(message, upgradeRefused); ok {
		e.By, e.Message = Kubelet, printable(text)
	}
}

// fromText tells who gives an answer that is no Status. The kubelet's comes through the API server as it is: text of its own
// making, without the marks of software that stands in between.
func (e *ConnectError) fromText(c call, scheme, text string, header http.Header) {
	standard := text == http.StatusText(e.Code) || text == "404 page not found"
	goServer := header.Get("X-Content-Type-Options") == "nosniff"
	between := e.Software != "" || e.Location != "" || text == "" || standard && goServer
	kubelet := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusTooManyRequests, http.StatusInternalServerError,
	}
	switch {
	case scheme == "http" && e.Code == http.StatusForbidden && goServer && standard && e.Software == "":
		e.By = KubectlProxy
	case scheme == "http" && strings.HasPrefix(text, "Client sent an HTTP request to an HTTPS server"):
		e.By, e.Message, e.err = Nobody, e.Address+" "+errOnlyTLS.Error(), errOnlyTLS
	case between || !slices.Contains(kubelet, e.Code):
		e.By, e.Message = Gateway, text
		if standard {
			e.Message = ""
		}
	default:
		c.fromKubelet(e, text)
	}
}

// fromKubelet is an answer of the kubelet, whose code means what it means in an API server.
func (c call) fromKubelet(e *ConnectError, text string) {
	e.By, e.Message = Kubelet, text
	if e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden {
		return // It is the API server that lacks something there.
	}
	made := apierrors.NewGenericServerResponse(e.Code, "POST", schema.GroupResource{Resource: "pods/" + c.subresource}, "", "", 0, false)
	made.ErrStatus.Message = text
	e.err = made
}

// ownText is the message of an internal error. Each server that passes one on begins it once more.
func ownText(message string) string {
	for strings.HasPrefix(message, internalError) {
		message = message[len(internalError):]
	}
	return message
}

// noAnswer is the error of a request that got none.
func (c call) noAnswer(proxy *url.URL, err error) *ConnectError {
	e := &ConnectError{Op: c.what, Address: c.url.Host, Message: printable(err.Error()), err: err}
	if proxy != nil {
		e.Proxy = proxy.Host
	}
	return e
}

// foreign is the error of a server that upgraded the connection to something else.
func (c call) foreign(what string) *ConnectError {
	return &ConnectError{
		Op: c.what, By: Gateway, Address: c.url.Host, Message: printable(what), err: errors.New(what),
	}
}

// endedBy is the error of a stream whose other side reports a failure of its own before any output.
func (c call) endedBy(message string) *ConnectError {
	e := &ConnectError{Op: c.what, By: Kubelet, Address: c.url.Host, Message: printable(ownText(message)), err: errors.New(message)}
	e.fromBackend(message)
	return e
}

// better chooses what to tell of two refusals: what stands nearer to the container knows more than what stands before it.
func better(first, second *ConnectError) *ConnectError {
	rank := func(e *ConnectError) int {
		switch {
		case e == nil:
			return 0
		case e.By == Nobody:
			return 1
		case e.By == Gateway:
			return 2
		case e.By == KubectlProxy:
			return 3
		default:
			return 4
		}
	}
	if rank(first) > rank(second) {
		return first
	}
	return second
}

// printable makes text fit for one line of a terminal.
func printable(text string) string {
	clean := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))))
	if len(clean) > maxMessage {
		return string(clean[:maxMessage]) + "..."
	}
	return string(clean)
}
