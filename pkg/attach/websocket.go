// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	gorilla "github.com/gorilla/websocket"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// withWatchedConn returns a copy of a configuration whose WebSockets use this dial's connection. client-go passes its own round
// tripper, the innermost, to WrapTransport.
func (d *dial) withWatchedConn(c *Client) *rest.Config {
	own := rest.CopyConfig(c.config)
	own.WrapTransport = transport.Wrappers(func(rt http.RoundTripper) http.RoundTripper {
		if base, ok := rt.(*websocket.RoundTripper); ok {
			return &webSocketUpgrade{base, d, c}
		}
		return rt
	}, c.config.WrapTransport)
	return own
}

// webSocketUpgrade opens one WebSocket like client-go's round tripper, which has no option for the dialer.
type webSocketUpgrade struct {
	base   *websocket.RoundTripper
	dial   *dial
	client *Client
}

// RoundTrip requests the upgrade and stores the connection where client-go expects it.
func (u *webSocketUpgrade) RoundTrip(request *http.Request) (*http.Response, error) {
	// The dialer adds this header itself.
	protocols := request.Header[wsstream.WebSocketProtocolHeader]
	delete(request.Header, wsstream.WebSocketProtocolHeader)
	target := *request.URL
	switch target.Scheme {
	case "https":
		target.Scheme = "wss"
	case "http":
		target.Scheme = "ws"
	}
	size := u.base.DataBufferSize() + 1024 // with room for a frame header, as in client-go
	dialer := gorilla.Dialer{
		NetDialContext: u.dial.connect, NetDialTLSContext: dialTLS(u.dial, u.client, u.base.TLSConfig), Proxy: u.base.Proxier, TLSClientConfig: u.base.TLSConfig,
		Subprotocols: protocols, ReadBufferSize: size, WriteBufferSize: size,
	}
	defer u.dial.awaitAnswer()()
	conn, response, err := dialer.DialContext(request.Context(), target.String(), request.Header)
	switch {
	case errors.Is(err, gorilla.ErrBadHandshake) && response.StatusCode == http.StatusSwitchingProtocols:
		return nil, u.fallBack(u.dial.to.foreign(fmt.Sprintf("upgraded the connection to %q instead of a WebSocket", response.Header.Get("Upgrade"))))
	case errors.Is(err, gorilla.ErrBadHandshake):
		return nil, u.fallBack(u.dial.to.refused(response))
	case err != nil:
		u.dial.webSocket = u.dial.unanswered(u.base.Proxier, request, err)
		return nil, err
	case !slices.Contains(protocols, conn.Subprotocol()):
		what := fmt.Sprintf("opened a WebSocket of the protocol %q and none of %q", conn.Subprotocol(), protocols)
		return nil, errors.Join(u.fallBack(u.dial.to.foreign(what)), conn.Close())
	}
	u.base.Conn = conn
	u.dial.markEstablished(WebSocket)
	return response, nil
}

// fallBack returns the error on which client-go tries SPDY.
func (u *webSocketUpgrade) fallBack(e *ConnectError) error {
	u.dial.webSocket = e
	return &httpstream.UpgradeFailureError{Cause: e}
}
