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
	"k8s.io/streaming/pkg/httpstream"
)

// dial is the making of one stream's connection, what was said when it was refused, and what became of it. But for the
// atomic values it is used by one goroutine.
type dial struct {
	to        call
	webSocket *ConnectError // why there is no WebSocket, or nil
	spdy      *ConnectError // why there is no SPDY either, or nil
	limit     time.Duration

	giveUp  context.CancelCauseFunc
	pulse   time.Duration
	watch   bool // whether silence means that the line is dead
	line    atomic.Pointer[line]
	stood   atomic.Bool
	reports atomic.Bool // the other side tells how the command ended, or is cut
	status  atomic.Bool // it has told
}

func (e Exec) newDial(giveUp context.CancelCauseFunc, to call, watch bool) *dial {
	return &dial{to: to, giveUp: giveUp, pulse: e.client.pulse, watch: watch, limit: e.client.timeout}
}

// awaitAnswer gives the stream up unless the returned function is called in time. A login helper that asks its user for
// something runs before.
func (d *dial) awaitAnswer() (answered func() bool) {
	return time.AfterFunc(d.limit, func() {
		d.giveUp(d.to.noAnswer(nil, fmt.Errorf("no answer within %s: %w", d.limit, context.DeadlineExceeded)))
	}).Stop
}

// executor is made anew for every stream: client-go's keep the connection in themselves. WebSocket comes first, and SPDY
// where the upgrade is refused: for old servers, for proxies, and for roles that grant create on pods/exec and not get.
func (d *dial) executor(c *Client, target *url.URL) (remotecommand.Executor, error) {
	transport, upgrade, err := d.newSPDY(c.config)
	if err != nil {
		return nil, err
	}
	spdyExecutor, err := remotecommand.NewSPDYExecutorForTransports(transport, spdy.NewUpgraderForStreaming(upgrade), "POST", target)
	if err != nil || !c.webSocket {
		return spdyExecutor, err
	}
	webSocket, err := remotecommand.NewWebSocketExecutor(d.overLine(c.config), "GET", target.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(webSocket, spdyExecutor, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// unanswered is the error of a request that failed on the way.
func (d *dial) unanswered(proxier func(*http.Request) (*url.URL, error), request *http.Request, err error) *ConnectError {
	var proxy *url.URL
	if proxier != nil {
		proxy, _ = proxier(request) // Its error is err.
	}
	return d.to.noAnswer(proxy, err)
}
