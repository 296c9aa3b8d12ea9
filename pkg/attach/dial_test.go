// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hasty is shorter than any session here that should last.
const hasty = 100 * time.Millisecond

// patient is longer than a busy machine takes to answer.
const patient = time.Second

// TestNoAnswer has a server that accepts and says nothing, to the first request or to the second.
func TestNoAnswer(t *testing.T) {
	for name, s := range map[string]*server{
		"websocket": {},
		"spdy":      {refuseWebSocket: answer(400, "not here")},
	} {
		t.Run(name, func(t *testing.T) {
			leave := make(chan struct{})
			defer close(leave)
			s.refuseSPDY = func(http.ResponseWriter) { <-leave }
			if s.refuseWebSocket == nil {
				s.refuseWebSocket = s.refuseSPDY
			}
			err := s.start(t).GiveUpAfter(hasty).Run(t.Context(), []string{"true"}, nil, nil, nil)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "exec in web/nginx: no answer") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnsweredSessionMayTakeItsTime(t *testing.T) {
	run := func(c *conversation) int {
		<-time.After(2 * patient)
		fmt.Fprint(c.stdout, "at last")
		return 0
	}
	for wire, serve := range wires() {
		t.Run(wire, func(t *testing.T) {
			e := serve(t, run)
			var out lockedBuffer
			if err := e.GiveUpAfter(patient).Run(t.Context(), []string{"sleep"}, nil, &out, nil); err != nil || out.String() != "at last" {
				t.Errorf("got %v and %q", err, out.String())
			}
		})
	}
}
