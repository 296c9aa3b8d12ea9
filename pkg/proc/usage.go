// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Usage is what a process uses. A pointer is nil where that is not known.
type Usage struct {
	// CPUPercent is of one processor; two that are busy are 200.
	CPUPercent *float64 `json:"cpuPercent,omitempty"`
	CPUSeconds *float64 `json:"cpuSeconds,omitempty"`
	Nice       *int     `json:"nice,omitempty"`
	Processor  *int     `json:"processor,omitempty"`
	// MajorFaults are those for which a page was read from a disk.
	MinorFaults *uint64 `json:"minorFaults,omitempty"`
	MajorFaults *uint64 `json:"majorFaults,omitempty"`
	// OpenFiles are its descriptors, and OpenFilesLimit how many it may have; nil too where there is no limit.
	OpenFiles      *int    `json:"openFiles,omitempty"`
	OpenFilesLimit *uint64 `json:"openFilesLimit,omitempty"`
}

// SampleFiles is what NewSample reads, and UsageFiles what Usages reads.
func SampleFiles() []process.What {
	return []process.What{process.OfNode("uptime"), process.Each("stat")}
}

// UsageFiles are those of a sample, and the descriptors with their limit.
func UsageFiles() []process.What {
	return append(SampleFiles(), process.DescriptorCount, process.Each("limits"))
}

// A Sample is what processes had used at one time.
type Sample struct {
	// Uptime is the time, by the node's clock; 0 where that is not known.
	Uptime time.Duration
	Stats  map[int]Stat
}

// NewSample reads a sample.
func NewSample(r process.Readings) Sample {
	uptime, _ := Uptime(r["uptime"].Text)
	return Sample{Uptime: uptime, Stats: Stats(r["each:stat"])}
}

// CPUPercent is the share of one processor that a process has used since before; since it started where it was not there then.
func (s Sample) CPUPercent(before Sample, pid int) (percent float64, ok bool) {
	now, ok := s.Stats[pid]
	if !ok || s.Uptime == 0 {
		return 0, false
	}
	used, from := now.CPU, now.Start
	if then, there := before.Stats[pid]; there && then.StartTicks == now.StartTicks && before.Uptime > 0 {
		used, from = now.CPU-then.CPU, before.Uptime
	}
	// A process that started in this hundredth of a second has had no time yet.
	elapsed := s.Uptime - from
	if elapsed < tick {
		return 0, elapsed > -tick && used == 0
	}
	return max(0, 100*used.Seconds()/elapsed.Seconds()), true
}

// Usages are what processes use, by PID, with what they used of the processors since before; since each started for a Sample{}.
func Usages(r process.Readings, before Sample) map[int]Usage {
	now, usages := NewSample(r), map[int]Usage{}
	limits := byPID(r["each:limits"])
	for pid, s := range now.Stats {
		seconds := s.CPU.Seconds()
		u := Usage{CPUSeconds: &seconds, Nice: &s.Nice, Processor: &s.Processor, MinorFaults: &s.MinorFaults, MajorFaults: &s.MajorFaults}
		if percent, ok := now.CPUPercent(before, pid); ok {
			u.CPUPercent = &percent
		}
		if limit, ok := Limits(limits[pid])["Max open files"]; ok && limit != Unlimited {
			u.OpenFilesLimit = &limit
		}
		if n, err := strconv.Atoi(r.Of(pid, "fdcount").Text); err == nil {
			u.OpenFiles = &n
		}
		usages[pid] = u
	}
	return usages
}

// FilesPercent is how much of its limit of descriptors a process uses.
func (u Usage) FilesPercent() (percent float64, ok bool) {
	if u.OpenFiles == nil || u.OpenFilesLimit == nil || *u.OpenFilesLimit == 0 {
		return 0, false
	}
	return 100 * float64(*u.OpenFiles) / float64(*u.OpenFilesLimit), true
}
