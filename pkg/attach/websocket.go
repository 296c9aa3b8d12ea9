// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	gorilla "github.com/gorilla/websocket"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// overLine is a copy of a configuration whose WebSockets are opened over this dial's line. client-go hands over its own
// round tripper, innermost, to be wrapped.
func (d *dial) overLine(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.WrapTransport = transport.Wrappers(func(rt http.RoundTripper) http.RoundTripper {
		if base, ok := rt.(*websocket.RoundTripper); ok {
			return &webSocketUpgrade{base, d}
		}
		return rt
	}, config.WrapTransport)
	return own
}

// webSocketUpgrade opens one WebSocket as client-go's round tripper would, which can't be told how to dial.
type webSocketUpgrade struct {
	base *websocket.RoundTripper
	dial *dial
}

// RoundTrip asks for the upgrade and leaves the connection where client-go looks for it.
func (u *webSocketUpgrade) RoundTrip(request *http.Request) (*http.Response, error) {
	// The dialer sends this header itself.
	protocols := request.Header[wsstream.WebSocketProtocolHeader]
	delete(request.Header, wsstream.WebSocketProtocolHeader)
	target := *request.URL
	switch target.Scheme {
	case "https":
		target.Scheme = "wss"
	case "http":
		target.Scheme = "ws"
	}
	size := u.base.DataBufferSize() + 1024 // room for a frame's head, as in client-go
	dialer := gorilla.Dialer{
		NetDialContext: u.dial.connect, Proxy: u.base.Proxier, TLSClientConfig: u.base.TLSConfig,
		Subprotocols: protocols, ReadBufferSize: size, WriteBufferSize: size,
	}
	conn, response, err := dialer.DialContext(request.Context(), target.String(), request.Header)
	switch {
	case errors.Is(err, gorilla.ErrBadHandshake) && response != nil:
		return nil, refusedUpgrade(u.dial.to, response)
	case err != nil:
		return nil, err
	case len(protocols) > 0 && conn.Subprotocol() == "":
		return nil, &httpstream.UpgradeFailureError{Cause: errors.Join(fmt.Errorf("the server speaks none of %q", protocols), conn.Close())}
	}
	u.base.Conn = conn
	u.dial.stands()
	return response, nil
}

// refusedUpgrade is the error of an answer other than 101, which has client-go fall back to SPDY.
func refusedUpgrade(to call, response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return &httpstream.UpgradeFailureError{Cause: fmt.Errorf("read answer %q: %w", response.Status, err)}
	}
	if refused := newRefusal(to, response.StatusCode, body); refused.fromServer {
		return &httpstream.UpgradeFailureError{Cause: refused.status}
	}
	return &httpstream.UpgradeFailureError{Cause: fmt.Errorf("%w: %s: %s", gorilla.ErrBadHandshake, response.Status, body)}
}
