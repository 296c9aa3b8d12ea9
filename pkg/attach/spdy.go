// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	wire "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// spdyUpgrade opens one SPDY connection. client-go's round tripper has no option for the dialer, and takes a cut for success.
type spdyUpgrade struct {
	dial      *dial
	transport *http.Transport
	body      io.ReadWriteCloser // of the answer that switched protocols
}

// newSPDY returns a round tripper that sends the user's credentials, and the upgrader that makes a connection of its response.
func (d *dial) newSPDY(c *Client) (http.RoundTripper, *spdyUpgrade, error) {
	config := c.config
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	upgrade := &spdyUpgrade{dial: d, transport: &http.Transport{
		DialContext: d.connect, DialTLSContext: dialTLS(d, c, tls), Proxy: proxy, TLSClientConfig: tls, DisableCompression: true, DisableKeepAlives: true,
	}}
	wrapped, err := rest.HTTPWrappersForConfig(config, upgrade)
	return wrapped, upgrade, err
}

// RoundTrip requests the upgrade. It keeps the connection, which client-go would close. A refusal is passed on for the login
// helpers to see, except for a redirect: client-go would follow it with the user's credentials.
func (u *spdyUpgrade) RoundTrip(request *http.Request) (*http.Response, error) {
	defer u.dial.awaitAnswer()()
	request = request.Clone(request.Context())
	request.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	request.Header.Set(httpstream.HeaderUpgrade, "SPDY/3.1")
	response, err := u.transport.RoundTrip(request)
	if err != nil {
		u.dial.spdy = u.dial.unanswered(u.transport.Proxy, request, err)
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		u.dial.spdy = u.dial.to.refused(response)
		if u.dial.spdy.Location != "" {
			return nil, u.dial.spdy
		}
		return response, nil
	}
	body, ok := response.Body.(io.ReadWriteCloser) // guaranteed by net/http
	if !ok {
		return nil, errors.Join(errors.New("upgrade to SPDY: the connection can't be written to"), response.Body.Close())
	}
	u.body, response.Body = body, http.NoBody
	return response, nil
}

// NewConnection makes a connection of a response of RoundTrip.
func (u *spdyUpgrade) NewConnection(response *http.Response) (httpstream.Connection, error) {
	if u.body == nil {
		return nil, u.dial.spdy
	}
	if got := response.Header.Get(httpstream.HeaderUpgrade); !strings.EqualFold(got, "SPDY/3.1") {
		u.dial.spdy = u.dial.to.foreign(fmt.Sprintf("upgraded the connection to %q instead of SPDY/3.1", got))
		return nil, errors.Join(u.dial.spdy, u.body.Close())
	}
	u.dial.markEstablished(SPDY)
	conn, err := spdy.NewClientConnectionWithPings(upgraded{u.dial.conn.Load(), u.body}, defaultPingInterval)
	switch protocol := response.Header.Get(httpstream.HeaderProtocolVersion); protocol {
	case wire.StreamProtocolV4Name, wire.StreamProtocolV5Name:
		u.dial.reports.Store(true)
		return statusConn{conn, u.dial}, err
	default: // older protocols send no status on success
		return conn, err
	}
}

// upgraded is the connection behind TLS and a proxy.
type upgraded struct {
	net.Conn
	body io.ReadWriteCloser
}

func (u upgraded) Read(p []byte) (int, error)  { return u.body.Read(p) }
func (u upgraded) Write(p []byte) (int, error) { return u.body.Write(p) }
func (u upgraded) Close() error                { return u.body.Close() }

// statusConn notices whether the status of the command arrives. From version 4 of the protocol on it always does, but
// client-go takes a missing one for success.
type statusConn struct {
	httpstream.Connection
	dial *dial
}

// CreateStream wraps the stream that carries the status.
func (c statusConn) CreateStream(headers http.Header) (httpstream.Stream, error) {
	stream, err := c.Connection.CreateStream(headers)
	if err != nil || headers.Get(corev1.StreamType) != corev1.StreamTypeError {
		return stream, err
	}
	return statusReader{stream, c.dial}, nil
}

type statusReader struct {
	httpstream.Stream
	dial *dial
}

func (r statusReader) Read(p []byte) (int, error) {
	n, err := r.Stream.Read(p)
	if n > 0 {
		r.dial.status.Store(true)
	}
	return n, err
}
