// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// aheadFor is how long a connection waits for a stream: whatever stands between may close one that is idle.
const aheadFor = 5 * time.Second

// ahead is a connection that is opened while it is not known yet for which stream.
type ahead struct {
	address string
	ready   chan struct{} // closed once conn is there, or is not
	watched *watchedConn
	conn    *tls.Conn
	until   time.Time
}

// Prepare begins to open a connection for the next stream, beside what is asked before that. It does nothing where a proxy stands
// between, and where a program logs the user in, which is not to ask twice.
func (c *Client) Prepare(ctx context.Context) {
	u := c.rest.Get().URL()
	proxy := c.config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	through, err := proxy(&http.Request{URL: u})
	if err != nil || through != nil || u.Scheme != "https" || c.config.ExecProvider != nil || c.config.AuthProvider != nil {
		return
	}
	config, err := rest.TLSConfigFor(c.config)
	if err != nil {
		return // the stream says why
	}
	a := &ahead{address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")), ready: make(chan struct{}), until: time.Now().Add(aheadFor)}
	if !c.ahead.CompareAndSwap(nil, a) {
		return
	}
	crash.Go(ctx, func() {
		defer close(a.ready)
		ctx, cancel := context.WithDeadline(ctx, a.until)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.address)
		if err != nil {
			return
		}
		a.watched = &watchedConn{Conn: conn, pingInterval: c.pingInterval, giveUp: func(error) {}}
		a.conn, _ = handshake(ctx, a.watched, config, a.address)
	})
	time.AfterFunc(aheadFor, func() {
		if <-a.ready; c.ahead.CompareAndSwap(a, nil) && a.conn != nil {
			_ = a.conn.Close()
		}
	})
}

// handshake makes a connection one with TLS, or closes it.
func handshake(ctx context.Context, conn net.Conn, config *tls.Config, address string) (*tls.Conn, error) {
	own := &tls.Config{} //nolint:gosec // TLS 1.2 at least, as everywhere
	if config != nil {
		own = config.Clone()
	}
	if own.ServerName == "" {
		own.ServerName, _, _ = net.SplitHostPort(address)
	}
	secure := tls.Client(conn, own)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// dialTLS is how a stream of a client that has prepared a connection gets one; nil, the transport's own way, where it has not.
func dialTLS(d *dial, c *Client, config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	if c.ahead.Load() == nil {
		return nil
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if conn := adopt(ctx, d, c.ahead.Swap(nil), address); conn != nil {
			return conn, nil
		}
		conn, err := d.connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, conn, config, address)
	}
}

// adopt waits for a connection that is being opened, and takes it for this stream.
func adopt(ctx context.Context, d *dial, a *ahead, address string) net.Conn {
	if a == nil {
		return nil
	}
	select {
	case <-a.ready:
	case <-ctx.Done():
		return nil
	}
	switch {
	case a.conn == nil:
		return nil
	case a.address != address || time.Now().After(a.until):
		_ = a.conn.Close()
		return nil
	}
	own(d, a.watched)
	return a.conn
}
