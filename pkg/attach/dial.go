// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"fmt"
	"net/http/httptrace"
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
	webSocket error    // why there is no WebSocket, or nil
	spdy      *refusal // why there is no SPDY either, or nil
	limit     time.Duration
	timer     *time.Timer

	giveUp  context.CancelCauseFunc
	pulse   time.Duration
	watch   bool // whether silence means that the line is dead
	line    atomic.Pointer[line]
	stood   atomic.Bool
	reports atomic.Bool // the other side tells how the command ended, or is cut
	status  atomic.Bool // it has told
}

// newDial begins to wait for the first answer, without which the context ends.
func (e Exec) newDial(giveUp context.CancelCauseFunc, to call, watch bool) *dial {
	limit := e.client.timeout
	return &dial{to: to, giveUp: giveUp, pulse: e.client.pulse, watch: watch, limit: limit, timer: time.AfterFunc(limit, func() {
		giveUp(fmt.Errorf("%s: no answer within %s: %w", to.what, limit, context.DeadlineExceeded))
	})}
}

func (d *dial) asked()    { d.timer.Reset(d.limit) }
func (d *dial) answered() { d.timer.Stop() }

// traced has WebSocket's answer noticed; SPDY's passes through a statusKeeper.
func (d *dial) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: d.answered})
}

// executor is made anew for every stream: client-go's keep the connection in themselves. WebSocket comes first, and SPDY
// where the upgrade is refused: for old servers, for proxies, and for roles that grant create on pods/exec and not get.
func (d *dial) executor(c *Client, target *url.URL) (remotecommand.Executor, error) {
	transport, upgrade, err := d.newSPDY(c.config)
	if err != nil {
		return nil, err
	}
	spdyExecutor, err := remotecommand.NewSPDYExecutorForTransports(statusKeeper{transport, d}, spdy.NewUpgraderForStreaming(upgrade), "POST", target)
	if err != nil || !c.webSocket {
		return spdyExecutor, err
	}
	webSocket, err := remotecommand.NewWebSocketExecutor(d.overLine(c.config), "GET", target.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(webSocket, spdyExecutor, func(err error) bool {
		if !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
			return false
		}
		d.webSocket = err
		return true
	})
}
