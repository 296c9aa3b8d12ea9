// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Held adds up files that have no name any more, and whose space is free only once they are closed.
type Held struct {
	Bytes int64
	Files int
	// PIDs are the processes that hold them open.
	PIDs []int
}

// DeletedFiles adds up those of all processes in the readings of remote.Descriptors that are on one of the devices. One that is
// open several times counts once.
func DeletedFiles(readings process.Readings, devices map[uint64]bool) Held {
	var d Held
	seen, pids := map[[2]uint64]bool{}, map[int]bool{}
	for key := range readings {
		number, isLinks := strings.CutSuffix(key, "/fd")
		pid, err := strconv.Atoi(number)
		if !isLinks || err != nil {
			continue
		}
		list, _ := readings.Descriptors(pid)
		for _, open := range list {
			s := open.Stat
			if s == nil || s.Nlink > 0 || !s.FileMode().IsRegular() || s.Blocks == 0 || !devices[s.Dev] {
				continue
			}
			pids[pid] = true
			if id := [2]uint64{s.Dev, s.Ino}; !seen[id] {
				seen[id] = true
				d.Files++
				d.Bytes += s.Blocks * 512
			}
		}
	}
	d.PIDs = slices.Sorted(maps.Keys(pids))
	return d
}
