// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// version1 is a container of runc's on Linux 6.18 with limits of 300m and 40Mi.
func version1() process.Readings {
	return process.Readings{
		"uptime":                       {Text: "2000.00 1\n"},
		"memory/memory.usage_in_bytes": {Text: "22937600\n"}, "memory/memory.limit_in_bytes": {Text: "41943040\n"},
		"memory/memory.max_usage_in_bytes": {Text: "23068672\n"}, "memory/memory.failcnt": {Text: "12\n"},
		"memory/memory.stat":        {Text: "cache 20971520\nrss 1048576\nhierarchical_memory_limit 31457280\ntotal_cache 20971520\ntotal_swap 8192\ntotal_shmem 4194304\ntotal_inactive_file 1048576\n"},
		"memory/memory.oom_control": {Text: "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"},
		"cpu/cpu.cfs_quota_us":      {Text: "30000\n"}, "cpu/cpu.cfs_period_us": {Text: "100000\n"},
		"cpu/cpu.stat":          {Text: "nr_periods 4324\nnr_throttled 1355\nthrottled_time 98500000000\nnr_bursts 0\nburst_time 0\n"},
		"cpuacct/cpuacct.usage": {Text: "130000000000\n"},
		"pids/pids.current":     {Text: "199\n"}, "pids/pids.max": {Text: "200\n"},
	}
}

// version2 is as the kernel documents it (Documentation/admin-guide/cgroup-v2.rst, accounting/psi.rst).
func version2() process.Readings {
	return process.Readings{
		"uptime":         {Text: "2000.00 1\n"},
		"memory.current": {Text: "22937600\n"}, "memory.max": {Text: "41943040\n"}, "memory.peak": {Text: "23068672\n"},
		"memory.swap.current": {Text: "8192\n"}, "memory.stat": {Text: "anon 1048576\nfile 20971520\nshmem 4194304\nkernel 65536\ninactive_file 1048576\nworkingset_refault_file 0\n"},
		"memory.events": {Text: "low 0\nhigh 0\nmax 12\noom 3\noom_kill 3\noom_group_kill 0\n"},
		"cpu.max":       {Text: "30000 100000\n"},
		"cpu.stat":      {Text: "usage_usec 130000000\nuser_usec 1\nsystem_usec 1\nnr_periods 4324\nnr_throttled 1355\nthrottled_usec 98500000\n"},
		"pids.current":  {Text: "199\n"}, "pids.max": {Text: "200\n"},
		"cpu.pressure":    {Text: "some avg10=12.50 avg60=3.00 avg300=1.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
		"memory.pressure": {Text: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
	}
}

const (
	resources = `"cpu":{"seconds":130,"limit":0.3,"periods":4324,"throttledPeriods":1355,"throttledSeconds":98.5},"pids":{"used":199,"limit":200}`
	memory1   = `"memory":{"usedBytes":21889024,"totalBytes":22937600,"limitBytes":31457280,"peakBytes":23068672,"cacheBytes":20971520,"swapBytes":8192,"oomKills":3,"limitHits":12}`
	memory2   = `"memory":{"usedBytes":21889024,"totalBytes":22937600,"limitBytes":41943040,"peakBytes":23068672,"cacheBytes":20971520,"swapBytes":8192,"oomKills":3,"limitHits":12}`
	stalls    = `"pressure":{"cpu":{"some":{"avg10":12.5,"avg60":3,"avg300":1},"full":{"avg10":0,"avg60":0,"avg300":0}},"memory":{"some":{"avg10":0,"avg60":0,"avg300":0}}}`
)

func TestCgroupOfBothVersions(t *testing.T) {
	without := func(r process.Readings, files ...string) process.Readings {
		for _, f := range files {
			delete(r, f)
		}
		return r
	}
	with := func(r, more process.Readings) process.Readings { maps.Copy(r, more); return r }
	for name, c := range map[string]struct {
		readings process.Readings
		want     string
	}{
		"version 1": {version1(), `{"cgroupVersion":1,` + memory1 + `,` + resources + `}`},
		"version 2": {version2(), `{"cgroupVersion":2,` + memory2 + `,` + resources + `,` + stalls + `}`},
		"no limits, version 1": {
			with(without(version1(), "memory/memory.stat", "memory/memory.oom_control"), process.Readings{
				"memory/memory.limit_in_bytes": {Text: "9223372036854771712\n"}, "cpu/cpu.cfs_quota_us": {Text: "-1\n"}, "pids/pids.max": {Text: "max\n"},
			}),
			`{"cgroupVersion":1,"memory":{"usedBytes":22937600,"totalBytes":22937600,"peakBytes":23068672,"limitHits":12},` +
				`"cpu":{"seconds":130,"periods":4324,"throttledPeriods":1355,"throttledSeconds":98.5},"pids":{"used":199}}`,
		},
		"no limits, an old kernel, version 2": {
			with(without(version2(), "memory.swap.current", "memory.peak", "memory.events", "cpu.pressure", "memory.pressure", "memory.stat"), process.Readings{
				"memory.max": {Text: "max\n"}, "cpu.max": {Text: "max 100000\n"}, "pids.max": {Text: "max\n"},
			}),
			`{"cgroupVersion":2,"memory":{"usedBytes":22937600,"totalBytes":22937600},` +
				`"cpu":{"seconds":130,"periods":4324,"throttledPeriods":1355,"throttledSeconds":98.5},"pids":{"used":199}}`,
		},
		"the root of version 2 is not the container's": {
			process.Readings{"cpu.stat": version2()["cpu.stat"], "cpu.pressure": version2()["cpu.pressure"]}, `{"cgroupVersion":0}`,
		},
		"nothing": {nil, `{"cgroupVersion":0}`},
	} {
		got, err := json.Marshal(NewCgroup(c.readings))
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n%s\nwant\n%s\n%v", name, got, c.want, err)
		}
	}
}

// Files of disks can be written back and dropped; those in memory count once, whoever wrote them.
func TestMemoryThatCannotBeTakenBack(t *testing.T) {
	const other = 22937600 - 20971520
	for _, r := range []process.Readings{version1(), version2()} {
		m := NewCgroup(r).Memory
		for held, want := range map[uint64]uint64{0: other + 4194304, 5000000: other + 5000000} {
			if got := m.Fixed(held); got != want {
				t.Errorf("version %d: %d of %d", NewCgroup(r).Version, got, want)
			}
		}
	}
	var unknown *Memory
	if got := unknown.Fixed(7); got != 7 {
		t.Errorf("%d where nothing is known", got)
	}
}

func TestCgroupSinceAnother(t *testing.T) {
	before := NewCgroup(version1())
	now := version1()
	now["uptime"] = process.Reading{Text: "2002.00 1\n"}
	now["cpuacct/cpuacct.usage"] = process.Reading{Text: "130600000000\n"}
	now["cpu/cpu.stat"] = process.Reading{Text: "nr_periods 4344\nnr_throttled 1370\n"}
	cpu := NewCgroup(now).Since(before).CPU
	if cpu.Used == nil || *cpu.Used < 0.299 || *cpu.Used > 0.301 || cpu.ThrottledPercent == nil || *cpu.ThrottledPercent != 75 {
		t.Errorf("%+v", cpu)
	}
	if p := cpu.UsedPercent(); p == nil || *p < 99 || *p > 101 {
		t.Errorf("%v of the limit", p)
	}
	if all := before.CPU.ThrottledAltogether(); all == nil || *all < 31 || *all > 32 {
		t.Errorf("altogether %v", all)
	}
	if start := before.Since(NoUsage(1870 * time.Second)).CPU; start.Used == nil || *start.Used != 1 {
		t.Errorf("since the start: %+v", start)
	}
	// What began again, and what was not read before, is not guessed.
	for name, other := range map[string]Cgroup{"nothing": {}, "later": NewCgroup(now)} {
		if c := before.Since(other).CPU; c.Used != nil || c.ThrottledPercent != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func FuzzCgroup(f *testing.F) {
	for _, r := range []process.Readings{version1(), version2()} {
		for file, reading := range r {
			f.Add(file, reading.Text)
		}
	}
	f.Add("cpu.max", "1 0")
	f.Add("cpu.pressure", "some avg10=NaN avg60=1 avg300=1")
	f.Fuzz(func(t *testing.T, file, text string) {
		for _, r := range []process.Readings{version1(), version2()} {
			before := NewCgroup(r)
			r[file] = process.Reading{Text: text}
			now := NewCgroup(r).Since(before)
			if _, err := json.Marshal(now); err != nil {
				t.Error(err)
			}
			if now.Memory != nil && now.Memory.Used > now.Memory.Total {
				t.Errorf("%+v", now.Memory)
			}
		}
	})
}
