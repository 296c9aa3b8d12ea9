// SPDX-License-Identifier: Apache-2.0

// Package proc answers "what do the kernel's texts mean?": it makes limits, sockets, threads, cgroups and environments of what
// pkg/remote/process has read below /proc and /sys/fs/cgroup. It reads nothing itself, and judges nothing.
//
// All of it is pure. A process chooses its own names, arguments and files: texts of an unexpected form become an error or are
// left out, and never a panic.
package proc

import (
	"strconv"
	"strings"
)

// Unlimited is a limit that there is none of.
const Unlimited = ^uint64(0)

// Limits are the soft limits of a process by name, such as "Max open files", in the unit that the kernel gives (proc(5), limits).
func Limits(text string) map[string]uint64 {
	limits := map[string]uint64{}
	for line := range strings.Lines(text) {
		// The name has 26 columns, since it has blanks in it.
		const width = 26
		if len(line) <= width || !strings.HasPrefix(line, "Max ") {
			continue
		}
		f := strings.Fields(line[width:])
		if len(f) == 0 {
			continue
		}
		value := Unlimited
		if f[0] != "unlimited" {
			n, err := strconv.ParseUint(f[0], 10, 64)
			if err != nil {
				continue
			}
			value = n
		}
		limits[strings.TrimSpace(line[:width])] = value
	}
	return limits
}
