// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Cgroup is what the kernel accounts to a container and what it allows to it. What is nil is not known: the controller is not
// there, or the kernel is too old to tell; a limit that is nil may be none as well.
type Cgroup struct {
	// Version is 1 or 2; 0 where nothing could be read.
	Version  int       `json:"cgroupVersion"`
	Memory   *Memory   `json:"memory,omitempty"`
	CPU      *CPU      `json:"cpu,omitempty"`
	PIDs     *PIDs     `json:"pids,omitempty"`
	Pressure *Pressure `json:"pressure,omitempty"`

	// uptime is the node's when it was read.
	uptime time.Duration
}

// Memory is in bytes.
type Memory struct {
	// Used is the working set, by which the kubelet evicts: all but files that were not used lately.
	Used  uint64 `json:"usedBytes"`
	Total uint64 `json:"totalBytes"`
	// Limit is that of the container, or a lower one that version 1 shows of its pod.
	Limit *uint64 `json:"limitBytes,omitempty"`
	Peak  *uint64 `json:"peakBytes,omitempty"`
	// Cache are files in memory, those of memory (tmpfs) included.
	Cache *uint64 `json:"cacheBytes,omitempty"`
	// Shared are those of Cache that are in memory only, with what processes share.
	Shared *uint64 `json:"-"`
	// Swap is what was moved out of memory to a disk, and is in neither of the above.
	Swap *uint64 `json:"swapBytes,omitempty"`
	// OOMKills are processes that the kernel killed, LimitHits how often the limit was reached.
	OOMKills  *uint64 `json:"oomKills,omitempty"`
	LimitHits *uint64 `json:"limitHits,omitempty"`
}

// CPU is in processors and seconds.
type CPU struct {
	Seconds float64 `json:"seconds"`
	// Limit is the quota divided by its period; nil for none.
	Limit *float64 `json:"limit,omitempty"`
	// Periods are those in which something ran, Throttled those of them in which the quota was used up.
	Periods          *uint64  `json:"periods,omitempty"`
	Throttled        *uint64  `json:"throttledPeriods,omitempty"`
	ThrottledSeconds *float64 `json:"throttledSeconds,omitempty"`
	// Used and ThrottledPercent, a share of periods, are since a Cgroup before this one.
	Used             *float64 `json:"used,omitempty"`
	ThrottledPercent *float64 `json:"throttledPercent,omitempty"`
}

// PIDs are threads, which the limit counts.
type PIDs struct {
	Used  uint64  `json:"used"`
	Limit *uint64 `json:"limit,omitempty"`
}

// Pressure says for which share of the time something waited (PSI); version 2 only.
type Pressure struct {
	CPU    *Stall `json:"cpu,omitempty"`
	Memory *Stall `json:"memory,omitempty"`
	IO     *Stall `json:"io,omitempty"`
}

// A Stall is of some threads, and of all of them at once.
type Stall struct {
	Some *Average `json:"some,omitempty"`
	Full *Average `json:"full,omitempty"`
}

// An Average is a percentage of the last seconds.
type Average struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
}

// CgroupFiles are the files that NewCgroup reads, of both versions.
func CgroupFiles() []string {
	// What changes fastest is read first, next to the uptime.
	return []string{
		"cpuacct/cpuacct.usage", "cpu/cpu.stat", "cpu.stat", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpu.max",
		"memory/memory.usage_in_bytes", "memory/memory.limit_in_bytes", "memory/memory.max_usage_in_bytes", "memory/memory.failcnt",
		"memory/memory.stat", "memory/memory.oom_control", "pids/pids.current", "pids/pids.max",
		"memory.current", "memory.max", "memory.peak", "memory.swap.current", "memory.stat", "memory.events", "pids.current", "pids.max",
		"cpu.pressure", "memory.pressure", "io.pressure",
	}
}

// NewCgroup reads what is there of CgroupFiles.
func NewCgroup(r process.Readings) Cgroup {
	f := cgroupFiles(r)
	uptime, _ := Uptime(r["uptime"].Text)
	c := Cgroup{Version: 2, Memory: f.memory2(), CPU: f.cpu2(), PIDs: f.pids(""), uptime: uptime}
	// The root of version 2 has neither: a container that sees that one does not see its own.
	if c.Memory != nil || c.PIDs != nil {
		c.Pressure = f.pressure()
		return c
	}
	c = Cgroup{Version: 1, Memory: f.memory1(), CPU: f.cpu1(), PIDs: f.pids("pids/"), uptime: uptime}
	if c.Memory == nil && c.CPU == nil && c.PIDs == nil {
		return Cgroup{}
	}
	return c
}

// NoUsage is a Cgroup before all use, at an uptime of the node: when the container started.
func NoUsage(uptime time.Duration) Cgroup {
	var none uint64
	return Cgroup{uptime: uptime, CPU: &CPU{Periods: &none, Throttled: &none}}
}

// Since adds what was used of the processors since before.
func (c Cgroup) Since(before Cgroup) Cgroup {
	elapsed := c.uptime - before.uptime
	if c.CPU == nil || before.CPU == nil || before.uptime == 0 || elapsed < tick || c.CPU.Seconds < before.CPU.Seconds {
		return c
	}
	now := *c.CPU
	used := (now.Seconds - before.CPU.Seconds) / elapsed.Seconds()
	now.Used = &used
	now.ThrottledPercent = share(minus(now.Throttled, before.CPU.Throttled), minus(now.Periods, before.CPU.Periods))
	c.CPU = &now
	return c
}

// minus is nil where one is not known, or the counter began again.
func minus(now, before *uint64) *uint64 {
	if now == nil || before == nil || *now < *before {
		return nil
	}
	n := *now - *before
	return &n
}

func share(part, of *uint64) *float64 {
	if part == nil || of == nil || *of == 0 {
		return nil
	}
	percent := 100 * float64(*part) / float64(*of)
	return &percent
}

// ThrottledAltogether is the share of all periods in which the quota was used up.
func (c *CPU) ThrottledAltogether() *float64 { return share(c.Throttled, c.Periods) }

// Fixed is at least how much the kernel cannot take back, where a file system in memory holds so many bytes, whoever wrote them:
// all but files of disks.
func (m *Memory) Fixed(held uint64) uint64 {
	if m == nil || m.Cache == nil || m.Shared == nil {
		return held
	}
	return m.Total - min(*m.Cache, m.Total) + max(*m.Shared, held)
}

// UsedPercent is how much of its limit is used; nil where there is none.
func (m *Memory) UsedPercent() *float64 { return share(&m.Used, m.Limit) }

// UsedPercent is how much of its limit is used; nil where there is none.
func (p *PIDs) UsedPercent() *float64 { return share(&p.Used, p.Limit) }

// UsedPercent is how much of its limit is used; nil where there is none, or it is not known.
func (c *CPU) UsedPercent() *float64 {
	if c.Used == nil || c.Limit == nil || *c.Limit <= 0 {
		return nil
	}
	percent := 100 * *c.Used / *c.Limit
	return &percent
}

// cgroupFiles are the texts by name.
type cgroupFiles process.Readings

// number is a file that has nothing but one.
func (f cgroupFiles) number(name string) *uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(f[name].Text), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// limit is a number that is less than version 1's word for none, which is the most pages that there could be, or "max".
func (f cgroupFiles) limit(name string) *uint64 {
	if n := f.number(name); n != nil && *n < 1<<62 {
		return n
	}
	return nil
}

// key is a number behind its name on a line of its own.
func (f cgroupFiles) key(file, name string) *uint64 {
	for line := range strings.Lines(f[file].Text) {
		if word, rest, _ := strings.Cut(line, " "); word == name {
			if n, err := strconv.ParseUint(strings.TrimSpace(rest), 10, 64); err == nil {
				return &n
			}
		}
	}
	return nil
}

// memory puts together what both versions tell. inactive are files that were not used lately.
func memory(total, inactive *uint64) *Memory {
	if total == nil {
		return nil
	}
	m := &Memory{Used: *total, Total: *total}
	if inactive != nil {
		m.Used -= min(*inactive, *total)
	}
	return m
}

func (f cgroupFiles) memory1() *Memory {
	const stat = "memory/memory.stat"
	m := memory(f.number("memory/memory.usage_in_bytes"), f.key(stat, "total_inactive_file"))
	if m == nil {
		return nil
	}
	m.Limit = f.limit("memory/memory.limit_in_bytes")
	if above := f.key(stat, "hierarchical_memory_limit"); above != nil && *above < 1<<62 && (m.Limit == nil || *above < *m.Limit) {
		m.Limit = above
	}
	m.Peak, m.Cache, m.Shared = f.number("memory/memory.max_usage_in_bytes"), f.key(stat, "total_cache"), f.key(stat, "total_shmem")
	m.Swap = f.key(stat, "total_swap")
	m.OOMKills, m.LimitHits = f.key("memory/memory.oom_control", "oom_kill"), f.number("memory/memory.failcnt")
	return m
}

func (f cgroupFiles) memory2() *Memory {
	m := memory(f.number("memory.current"), f.key("memory.stat", "inactive_file"))
	if m == nil {
		return nil
	}
	m.Limit, m.Peak, m.Cache, m.Shared = f.limit("memory.max"), f.number("memory.peak"), f.key("memory.stat", "file"), f.key("memory.stat", "shmem")
	m.Swap = f.number("memory.swap.current")
	m.OOMKills, m.LimitHits = f.key("memory.events", "oom_kill"), f.key("memory.events", "max")
	return m
}

// seconds makes them of a count of smaller units.
func seconds(n *uint64, unit time.Duration) *float64 {
	if n == nil {
		return nil
	}
	s := float64(*n) * unit.Seconds()
	return &s
}

func (f cgroupFiles) cpu1() *CPU {
	used := seconds(f.number("cpuacct/cpuacct.usage"), time.Nanosecond)
	if used == nil {
		return nil
	}
	const stat = "cpu/cpu.stat"
	return &CPU{
		Seconds: *used, Limit: cores(f["cpu/cpu.cfs_quota_us"].Text, f["cpu/cpu.cfs_period_us"].Text),
		Periods: f.key(stat, "nr_periods"), Throttled: f.key(stat, "nr_throttled"),
		ThrottledSeconds: seconds(f.key(stat, "throttled_time"), time.Nanosecond),
	}
}

func (f cgroupFiles) cpu2() *CPU {
	used := seconds(f.key("cpu.stat", "usage_usec"), time.Microsecond)
	if used == nil {
		return nil
	}
	quota, period, _ := strings.Cut(f["cpu.max"].Text, " ")
	return &CPU{
		Seconds: *used, Limit: cores(quota, period),
		Periods: f.key("cpu.stat", "nr_periods"), Throttled: f.key("cpu.stat", "nr_throttled"),
		ThrottledSeconds: seconds(f.key("cpu.stat", "throttled_usec"), time.Microsecond),
	}
}

// cores is a quota, which is "max" or -1 for none, in processors.
func cores(quota, period string) *float64 {
	q, err := strconv.ParseUint(strings.TrimSpace(quota), 10, 64)
	if err != nil {
		return nil
	}
	p, err := strconv.ParseUint(strings.TrimSpace(period), 10, 64)
	if err != nil || p == 0 {
		return nil
	}
	n := float64(q) / float64(p)
	return &n
}

func (f cgroupFiles) pids(directory string) *PIDs {
	used := f.number(directory + "pids.current")
	if used == nil {
		return nil
	}
	return &PIDs{Used: *used, Limit: f.limit(directory + "pids.max")}
}

func (f cgroupFiles) pressure() *Pressure {
	p := Pressure{CPU: stall(f["cpu.pressure"].Text), Memory: stall(f["memory.pressure"].Text), IO: stall(f["io.pressure"].Text)}
	if p == (Pressure{}) {
		return nil
	}
	return &p
}

func stall(text string) *Stall {
	var s Stall
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "some":
			s.Some = average(rest)
		case "full":
			s.Full = average(rest)
		}
	}
	if s == (Stall{}) {
		return nil
	}
	return &s
}

func average(text string) *Average {
	var a Average
	into, found := map[string]*float64{"avg10": &a.Avg10, "avg60": &a.Avg60, "avg300": &a.Avg300}, 0
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		// Not a number is not a share of time.
		if n, err := strconv.ParseFloat(value, 64); err == nil && into[name] != nil && n >= 0 && n <= 100 {
			*into[name] = n
			found++
		}
	}
	if found < len(into) {
		return nil
	}
	return &a
}
