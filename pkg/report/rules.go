// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Severity is how much a finding matters.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Notice   Severity = "notice"
)

func (s Severity) rank() int { return slices.Index([]Severity{Critical, Warning, Notice}, s) }

// A Finding is something that is wrong, in a sentence with its number, and the command that shows more.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Text     string   `json:"message"`
	Try      string   `json:"hint,omitempty"`
}

// A rule finds one kind of trouble. try is the verb of the command that shows more; "" for none.
type rule struct {
	name, try string
	check     func(Facts) []Finding
}

// Where usage becomes a finding, in percent of the limit.
const (
	nearLimit = 80
	atLimit   = 95
	fullDisk  = 90
	deleted   = 10
	swapped   = 10
	throttled = 10
	pressure  = 10
)

const (
	// busy is the CPU from which a process is named, in thousandths.
	busy = 800
	// leak is the number of open files of one kind from which they are named, and large the size of deleted ones.
	leak  = 100
	large = 32 << 20
	// pile is how many connections or zombies of one kind are too many to be a coincidence.
	pile = 10
	// clockSkew is more than the clocks are read apart.
	clockSkew = 5 * time.Second
	// certSoon is how long before its end a certificate is worth a word.
	certSoon = 14 * 24 * time.Hour
	// recent is how old an event or a restart may be to have to do with what is wrong now.
	recent = time.Hour
)

// rules are all of them. Of the same severity the first one counts as the worst.
func rules() []rule {
	return []rule{
		{"oom", "top", oom},
		{"restarts", "debug --copy --hold", restarts},
		{"state", "doctor", state},
		{"memory", "top", memory},
		{"swap", "top", swap},
		{"throttling", "top", throttling},
		{"pids", "ps", pids},
		{"descriptors", "lsof", descriptors},
		{"deleted-files", "lsof --deleted", deletedFiles},
		{"disk", "fs df", disks},
		{"dns", "", names},
		{"connections", "ss", connections},
		{"stuck", "threads", stuck},
		{"uninterruptible", "threads", uninterruptible},
		{"zombies", "ps --tree", zombies},
		{"certificates", "", certificates},
		{"stale-config", "env --stale", stale},
		{"odd-replica", "", odd},
		{"pressure", "top", pressures},
		{"busy", "threads", busyProcesses},
		{"clock", "", clock},
		{"events", "", events},
	}
}

// Find judges the facts: the worst first.
func Find(f Facts) []Finding {
	found := []Finding{}
	for _, r := range rules() {
		for _, finding := range r.check(f) {
			finding.Rule = r.name
			if finding.Try == "" && r.try != "" {
				verb, flags, _ := strings.Cut(r.try, " ")
				if verb == "fs" {
					verb, flags = r.try, ""
				}
				finding.Try = strings.TrimSpace("kubectl shareproc " + verb + " " + f.Command + " " + flags)
			}
			found = append(found, finding)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
	return found
}

func say(severity Severity, format string, args ...any) []Finding {
	return []Finding{{Severity: severity, Text: fmt.Sprintf(format, args...)}}
}

// percent is used of limit; false where either is not known, or there is no limit.
func (u Usage) percent() (int64, bool) {
	if u.Used < 0 || u.Limit <= 0 {
		return 0, false
	}
	return int64(float64(u.Used) * 100 / float64(u.Limit)), true
}

// near is the severity of usage near its limit.
func (u Usage) near() (severity Severity, percent int64) {
	percent, known := u.percent()
	switch {
	case !known || percent < nearLimit:
		return "", percent
	case percent < atLimit:
		return Warning, percent
	}
	return Critical, percent
}

// status is that of the container.
func (f Facts) status() *corev1.ContainerStatus {
	if f.Pod == nil {
		return nil
	}
	for _, list := range [][]corev1.ContainerStatus{f.Pod.Status.ContainerStatuses, f.Pod.Status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == f.Container {
				return &list[i]
			}
		}
	}
	return nil
}

func oom(f Facts) []Finding {
	limit := ""
	if f.Memory.Limit > 0 {
		limit = " (limit " + bytes(f.Memory.Limit) + ")"
	}
	if st := f.status(); st != nil {
		if last := st.LastTerminationState.Terminated; last != nil && last.Reason == "OOMKilled" && f.within(last.FinishedAt.Time) {
			return say(Critical, "container %s was killed for lack of memory%s at %s, and has restarted %s", f.Container, limit, clockOf(last.FinishedAt.Time), times(int(st.RestartCount)))
		}
	}
	if f.Memory.OOMKills > 0 {
		return say(Critical, "the kernel has killed %s of container %s for lack of memory%s since it started", count(f.Memory.OOMKills, "process", "processes"), f.Container, limit)
	}
	return nil
}

func swap(f Facts) []Finding {
	if all := f.Memory.Used + f.Memory.Swapped; f.Memory.Used < 0 || f.Memory.Swapped <= 0 || 100*f.Memory.Swapped < swapped*all {
		return nil
	}
	return say(Warning, "%s of container %s's memory is in swap, beside %s in memory: it waits for a disk to use it again",
		bytes(f.Memory.Swapped), f.Container, bytes(f.Memory.Used))
}

func restarts(f Facts) []Finding {
	st := f.status()
	if st == nil {
		return nil
	}
	last := st.LastTerminationState.Terminated
	if st.RestartCount == 0 || last == nil || last.Reason == "OOMKilled" || !f.within(last.FinishedAt.Time) {
		return nil
	}
	severity := Warning
	if st.RestartCount > 2 {
		severity = Critical
	}
	return say(severity, "container %s has restarted %s, last at %s after exit code %d%s", f.Container, times(int(st.RestartCount)),
		clockOf(last.FinishedAt.Time), last.ExitCode, reason(last.Reason, "Error", "Completed"))
}

func state(f Facts) []Finding {
	st := f.status()
	switch {
	case f.Pod == nil || st == nil:
		return nil
	case f.Pod.DeletionTimestamp != nil:
		return say(Warning, "the pod is being deleted since %s", clockOf(f.Pod.DeletionTimestamp.Time))
	case st.State.Waiting != nil:
		return say(Critical, "container %s is not running: %s %s", f.Container, st.State.Waiting.Reason, st.State.Waiting.Message)
	case st.State.Terminated != nil:
		return say(Critical, "container %s has terminated with exit code %d%s", f.Container, st.State.Terminated.ExitCode, reason(st.State.Terminated.Reason))
	case !st.Ready:
		return say(Warning, "container %s is not ready%s", f.Container, f.lastProbe())
	}
	return nil
}

// lastProbe is what the kubelet said of the last probe that failed.
func (f Facts) lastProbe() string {
	for _, e := range slices.Backward(f.Events) {
		if e.Reason == "Unhealthy" {
			return ": " + e.Message
		}
	}
	return ""
}

func memory(f Facts) []Finding {
	severity, percent := f.Memory.near()
	if severity == "" {
		return nil
	}
	return say(severity, "memory is at %d%% of the limit: %s of %s", percent, bytes(f.Memory.Used), bytes(f.Memory.Limit))
}

func throttling(f Facts) []Finding {
	share, known := Usage{f.CPU.Throttled, f.CPU.Periods}.percent()
	if !known || share < throttled {
		return nil
	}
	severity := Warning
	if share >= 50 {
		severity = Critical
	}
	who := ""
	if p, ok := f.busiest(); ok {
		who = fmt.Sprintf("; most of it is process %d (%s) with %dm", p.PID, p.Name, p.CPU)
	}
	return say(severity, "CPU is throttled in %d%% of periods: %dm used of %dm%s", share, f.CPU.Used, f.CPU.Limit, who)
}

func (f Facts) busiest() (Process, bool) {
	if len(f.Processes) == 0 {
		return Process{}, false
	}
	p := slices.MaxFunc(f.Processes, func(a, b Process) int { return cmp.Compare(a.CPU, b.CPU) })
	return p, p.CPU > 0
}

func pids(f Facts) []Finding {
	severity, percent := f.PIDs.near()
	if severity == "" {
		return nil
	}
	return say(severity, "processes and threads are at %d%% of the limit: %d of %d", percent, f.PIDs.Used, f.PIDs.Limit)
}

func descriptors(f Facts) []Finding {
	var found []Finding
	for _, p := range f.Processes {
		severity, percent := p.Descriptors.near()
		grown := p.Descriptors.Used - p.Before
		growing := p.Before >= 0 && grown > 0 && p.Descriptors.Used >= leak
		what := ""
		if p.MostCount >= leak || severity != "" && p.MostCount > 0 {
			what = fmt.Sprintf("; %d of them are %s", p.MostCount, p.Most)
		}
		if growing {
			what += fmt.Sprintf("; %d more than %s ago", grown, f.Interval)
		}
		switch {
		case severity != "":
			found = append(found, say(severity, "open files of process %d (%s) are at %d%% of the limit: %d of %d%s", p.PID, p.Name, percent, p.Descriptors.Used, p.Descriptors.Limit, what)...)
		case growing, p.MostCount >= leak:
			found = append(found, say(Warning, "process %d (%s) has %d open files%s", p.PID, p.Name, p.Descriptors.Used, what)...)
		}
	}
	return found
}

func deletedFiles(f Facts) []Finding {
	var total int64
	share, holders := int64(0), []string{}
	for _, d := range f.Deleted {
		total += d.Bytes
		if percent, known := (Usage{d.Bytes, d.Disk}).percent(); known {
			share = max(share, percent)
		}
		holders = append(holders, fmt.Sprint(d.PID))
	}
	if total < large && share < deleted {
		return nil
	}
	severity, of := Notice, ""
	if share >= deleted {
		severity, of = Warning, fmt.Sprintf(", %d%% of the disk", share)
	}
	largest := slices.MaxFunc(f.Deleted, func(a, b DeletedFile) int { return cmp.Compare(a.Bytes, b.Bytes) })
	slices.Sort(holders)
	return say(severity, "%s in %s held open by PID %s%s; the largest is %s", bytes(total), count(int64(len(f.Deleted)), "deleted file", "deleted files"),
		strings.Join(slices.Compact(holders), ", "), of, largest.Name)
}
