// SPDX-License-Identifier: Apache-2.0

package ps

import (
	"testing"
	"time"
)

func TestStartedSaysTimeOrDate(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.Local)
	if got := started(now.Add(-time.Hour), now); got != "11:00:00" {
		t.Errorf("an hour ago: %s", got)
	}
	if got := started(now.Add(-48*time.Hour), now); got != "2026-05-02" {
		t.Errorf("two days ago: %s", got)
	}
}
