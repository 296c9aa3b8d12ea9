// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, which is the same on every architecture that runs containers.
const ticksPerSecond = 100

// Boot is when the node was started by the time that it has now, to about 10 ms: btime of /proc/stat is up to a second early. The
// text is that of remote.Clock; false where it has none.
func Boot(clock string) (time.Time, bool) {
	f := strings.Fields(clock)
	if len(f) != 4 {
		return time.Time{}, false
	}
	now, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", strings.Join(f[:3], " "))
	up, upErr := strconv.ParseFloat(f[3], 64)
	if err != nil || upErr != nil || !(up >= 0 && up < math.MaxInt32) {
		return time.Time{}, false
	}
	return now.Add(-time.Duration(up * float64(time.Second))), true
}

// StartOf is when a process was started, by its ticks since the node was (proc(5), stat, field 22).
func StartOf(boot time.Time, ticks uint64) time.Time {
	return boot.Add(time.Duration(ticks/ticksPerSecond)*time.Second + time.Duration(ticks%ticksPerSecond)*time.Second/ticksPerSecond)
}

// clockSlack is how much later a runtime may say that a container was started than its first process was, on a busy node.
const clockSlack = 10 * time.Minute

// ContainerStart is when a container was started by the clock that files were changed by: as its first process says, or as its
// runtime said then, in whole seconds, where the two are so far apart that somebody has set the clock since. reported may be zero.
func ContainerStart(process, reported time.Time) (start time.Time, clockSet bool) {
	switch {
	case reported.IsZero():
		return process, false
	case process.IsZero():
		return reported, false
	case process.After(reported.Add(2 * time.Second)), process.Before(reported.Add(-clockSlack)):
		return reported, true
	}
	return process, false
}
