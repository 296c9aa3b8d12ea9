// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Uptime is how long the node has been up (proc(5), uptime).
func Uptime(text string) (time.Duration, bool) {
	first, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil || !(seconds >= 0 && seconds < math.MaxInt64/float64(time.Second)) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
