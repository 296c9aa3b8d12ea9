// SPDX-License-Identifier: Apache-2.0

package attach

import "time"

// GiveUpAfter is e with a shorter drainTimeout for a first answer.
func (e Exec) GiveUpAfter(limit time.Duration) Exec {
	hasty := *e.client
	hasty.timeout = limit
	e.client = &hasty
	return e
}

// LoseAfter is e for which every period of silence is that long.
func (e Exec) LoseAfter(pingInterval time.Duration) Exec {
	hasty := *e.client
	hasty.pingInterval = pingInterval
	e.client = &hasty
	return e
}

// Prepared reports whether a connection is opened ahead of its stream.
func (c *Client) Prepared() bool { return c.ahead.Load() != nil }
