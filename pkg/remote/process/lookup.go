// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Lookup asks a name server of a name, as the pod's network reaches it, and returns what nslookup says. answered is false where it
// failed or did not end in time; then the text says why, if anything does.
func (h *Host) Lookup(ctx context.Context, server netip.Addr, name string, limit time.Duration) (text string, answered bool, err error) {
	q := remote.Request{Verb: "lookup", Args: []string{server.String(), strconv.Itoa(max(1, int((limit+time.Second-1)/time.Second))), name}}
	var status string
	err = h.conn.Ask(ctx, q, func(b *remote.Answer) error { return b.Fields(&text, &status) })
	if err != nil {
		return "", false, fmt.Errorf("look up %s: %w", name, err)
	}
	return text, status == "0", nil
}
