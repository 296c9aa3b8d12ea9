// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

// dial opens one stream's connection, and keeps why it was refused and how it ended. Except for the atomic fields, one
// goroutine uses it.
type dial struct {
	to        call
	webSocket *ConnectError // why there is no WebSocket, or nil
	spdy      *ConnectError // why there is no SPDY either, or nil
	limit     time.Duration
	log       klog.Logger

	giveUp       context.CancelCauseFunc
	pingInterval time.Duration
	watch        bool // silence means that the connection is dead
	bulk         bool // SPDY is tried first
	conn         atomic.Pointer[watchedConn]
	established  atomic.Bool
	reports      atomic.Bool // the protocol has a status at the end of every command
	status       atomic.Bool // the status has arrived
}

func (e Exec) newDial(giveUp context.CancelCauseFunc, to call, watch bool) *dial {
	return &dial{to: to, giveUp: giveUp, pingInterval: e.client.pingInterval, watch: watch, bulk: e.bulk, limit: e.client.timeout}
}

// awaitAnswer gives the stream up unless the returned function is called in time. Login helpers run before it: they may
// wait for their user.
func (d *dial) awaitAnswer() (answered func() bool) {
	return time.AfterFunc(d.limit, func() {
		d.giveUp(d.to.noAnswer(nil, fmt.Errorf("no answer within %s: %w", d.limit, context.DeadlineExceeded)))
	}).Stop
}

// executor makes an executor for one stream, since client-go's keep their connection. It tries one protocol, and the other if
// the upgrade is refused: for old servers, for proxies, and for roles that grant one of get and create on pods/exec.
func (d *dial) executor(c *Client, target *url.URL) (remotecommand.Executor, error) {
	transport, upgrade, err := d.newSPDY(c)
	if err != nil {
		return nil, err
	}
	spdyExecutor, err := remotecommand.NewSPDYExecutorForTransports(transport, spdy.NewUpgraderForStreaming(upgrade), "POST", target)
	if err != nil || c.transport == SPDY {
		return spdyExecutor, err
	}
	webSocket, err := remotecommand.NewWebSocketExecutor(d.withWatchedConn(c), "GET", target.String())
	switch {
	case err != nil || c.transport == WebSocket:
		return webSocket, err
	case d.bulk:
		return remotecommand.NewFallbackExecutor(spdyExecutor, webSocket, func(error) bool { return d.spdy != nil && d.spdy.By != Nobody })
	}
	return remotecommand.NewFallbackExecutor(webSocket, spdyExecutor, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// unanswered returns the error of a request that got no answer.
func (d *dial) unanswered(proxier func(*http.Request) (*url.URL, error), request *http.Request, err error) *ConnectError {
	var proxy *url.URL
	if proxier != nil {
		proxy, _ = proxier(request) // Its error is err.
	}
	return d.to.noAnswer(proxy, err)
}
