// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// ExitError is the remote command's own nonzero end: the stream worked.
type ExitError struct {
	// Code is 1 to 255; a command ended by signal N gives 128+N, as the container runtime reports it.
	Code int
}

// Error names the code.
func (e *ExitError) Error() string {
	return fmt.Sprintf("command terminated with exit code %d", e.Code)
}

// ExitCode is the code for callers that know only an interface.
func (e *ExitError) ExitCode() int { return e.Code }

// describe makes a failed stream's error ours: the command's exit code, or what the API server said, so that
// apierrors.IsForbidden and its like work on it. client-go leaves only the text of that.
func (d *dial) describe(err error) error {
	var exit utilexec.ExitError
	switch {
	case err == nil && d.reports.Load() && !d.status.Load():
		return fmt.Errorf("%s: %w: it ended before the command did", d.to.what, ErrLost)
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return &ExitError{Code: exit.ExitStatus()}
	case d.cut():
		return fmt.Errorf("%s: %w: %w", d.to.what, ErrLost, err)
	default:
		return fmt.Errorf("%s: %w", d.to.what, d.answer(err))
	}
}

// answer chooses what to tell of up to two refusals. A proxy in between may refuse SPDY in words of its own: the API
// server's answer to WebSocket says more then.
func (d *dial) answer(err error) error {
	if d.spdy == nil {
		return err
	}
	if own := statusOf(d.webSocket); own != nil && !d.spdy.fromServer {
		return own
	}
	return d.spdy.status
}

// statusOf is the API server's status inside an error, or nil. httpstream's upgrade error does not unwrap by itself.
func statusOf(err error) error {
	var upgrade *httpstream.UpgradeFailureError
	if errors.As(err, &upgrade) {
		err = upgrade.Cause
	}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return status
	}
	return nil
}

// refusal is a SPDY upgrade answered with something other than 101.
type refusal struct {
	status     *apierrors.StatusError
	fromServer bool // the answer was a Status object, not some text
}

// statusKeeper notes the Status object of a refused SPDY upgrade.
type statusKeeper struct {
	http.RoundTripper
	dial *dial
}

// maxRefusal bounds, in bytes, what is read of a refusal, as client-go does for WebSocket.
const maxRefusal = 64 * 1024

// RoundTrip notes every answer but 101, and passes it on.
func (k statusKeeper) RoundTrip(request *http.Request) (*http.Response, error) {
	k.dial.asked()
	response, err := k.RoundTripper.RoundTrip(request)
	k.dial.answered()
	if err != nil || response.StatusCode == http.StatusSwitchingProtocols {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read answer %q: %w", response.Status, err)
	}
	k.dial.spdy = newRefusal(k.dial.to, response.StatusCode, body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// newRefusal takes a Status object as it came, or makes one from the code and the text.
func newRefusal(to call, code int, body []byte) *refusal {
	var status metav1.Status
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" {
		return &refusal{status: &apierrors.StatusError{ErrStatus: status}, fromServer: true}
	}
	pods := schema.GroupResource{Resource: "pods/" + to.subresource}
	made := apierrors.NewGenericServerResponse(code, "POST", pods, "", "", 0, false)
	if text := bytes.TrimSpace(body); len(text) > 0 {
		made.ErrStatus.Message = strings.ToValidUTF8(string(text), "?")
	}
	return &refusal{status: made}
}
