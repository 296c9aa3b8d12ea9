// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"sync"
	"time"
)

// uses knows whether anybody asks, and calls over once nobody has for long enough.
type uses struct {
	mu     sync.Mutex
	now    int
	limit  time.Duration
	timer  *time.Timer
	nobody func()
}

// newUses waits for limit; 0 is for ever.
func newUses(limit time.Duration, nobody func()) *uses {
	u := &uses{limit: limit, nobody: nobody}
	if limit > 0 {
		u.timer = time.AfterFunc(limit, u.over)
	}
	return u
}

func (u *uses) over() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now == 0 {
		u.nobody()
	}
}

// begin notes that somebody asks, until the function that it returns is called.
func (u *uses) begin() (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now++; u.timer != nil {
		u.timer.Stop()
	}
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.now--; u.now == 0 && u.timer != nil {
			u.timer.Reset(u.limit)
		}
	}
}
