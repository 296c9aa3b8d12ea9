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

// spdyUpgrade makes one SPDY connection. client-go's own round tripper can't be told how to dial, and takes a cut for
// success.
type spdyUpgrade struct {
	dial      *dial
	transport *http.Transport
	body      io.ReadWriteCloser // of the answer that switched protocols
}

// newSPDY returns what sends the request, with the user's credentials, and what makes a connection of the answer.
func (d *dial) newSPDY(config *rest.Config) (http.RoundTripper, *spdyUpgrade, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	upgrade := &spdyUpgrade{dial: d, transport: &http.Transport{
		DialContext: d.connect, Proxy: proxy, TLSClientConfig: tls, DisableCompression: true, DisableKeepAlives: true,
	}}
	wrapped, err := rest.HTTPWrappersForConfig(config, upgrade)
	return wrapped, upgrade, err
}

// RoundTrip asks for the upgrade. Where it is granted it keeps the connection, which client-go would close. Where it is not,
// the answer goes on to the login helpers, but for a redirect: client-go would follow it with the user's credentials.
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
	body, ok := response.Body.(io.ReadWriteCloser) // net/http promises it
	if !ok {
		return nil, errors.Join(errors.New("upgrade to SPDY: the connection can't be written to"), response.Body.Close())
	}
	u.body, response.Body = body, http.NoBody
	return response, nil
}

// NewConnection makes a connection of an answer to RoundTrip.
func (u *spdyUpgrade) NewConnection(response *http.Response) (httpstream.Connection, error) {
	if u.body == nil {
		return nil, u.dial.spdy
	}
	if got := response.Header.Get(httpstream.HeaderUpgrade); !strings.EqualFold(got, "SPDY/3.1") {
		u.dial.spdy = u.dial.to.foreign(fmt.Sprintf("upgraded the connection to %q instead of SPDY/3.1", got))
		return nil, errors.Join(u.dial.spdy, u.body.Close())
	}
	u.dial.stands()
	conn, err := spdy.NewClientConnectionWithPings(upgraded{u.dial.line.Load(), u.body}, pingEvery)
	switch protocol := response.Header.Get(httpstream.HeaderProtocolVersion); protocol {
	case wire.StreamProtocolV4Name, wire.StreamProtocolV5Name:
		u.dial.reports.Store(true)
		return reporting{conn, u.dial}, err
	default: // has nothing to say of a success
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

// reporting notices whether the other side said how the command ended. From version 4 of the protocol on it always does,
// and client-go takes silence for success.
type reporting struct {
	httpstream.Connection
	dial *dial
}

// CreateStream has the status read through a reportReader.
func (r reporting) CreateStream(headers http.Header) (httpstream.Stream, error) {
	stream, err := r.Connection.CreateStream(headers)
	if err != nil || headers.Get(corev1.StreamType) != corev1.StreamTypeError {
		return stream, err
	}
	return reportReader{stream, r.dial}, nil
}

type reportReader struct {
	httpstream.Stream
	dial *dial
}

func (r reportReader) Read(p []byte) (int, error) {
	n, err := r.Stream.Read(p)
	if n > 0 {
		r.dial.status.Store(true)
	}
	return n, err
}
