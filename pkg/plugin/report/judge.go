// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

// judgeSamples makes facts of the two samples.
func judgeSamples(g *gathering) {
	f := &g.report.facts
	c := g.now.cgroup.Since(g.before.cgroup)
	f.Memory = report.Memory{Usage: unknown(), OOMKills: report.Unknown, Swapped: report.Unknown}
	if m := c.Memory; m != nil {
		f.Memory = report.Memory{Usage: report.Usage{Used: int64(m.Used), Limit: limit(m.Limit)}, OOMKills: number(m.OOMKills), Swapped: number(m.Swap)}
	}
	f.CPU = report.CPU{Usage: unknown(), Periods: report.Unknown, Throttled: report.Unknown}
	if now, before := c.CPU, g.before.cgroup.CPU; now != nil && before != nil {
		f.CPU = report.CPU{
			Usage:   report.Usage{Used: thousandths(now.Used), Limit: thousandthsOrNone(now.Limit)},
			Periods: number(now.Periods) - number(before.Periods), Throttled: number(now.Throttled) - number(before.Throttled),
		}
	}
	f.PIDs = unknown()
	if p := c.PIDs; p != nil {
		f.PIDs = report.Usage{Used: int64(p.Used), Limit: limit(p.Limit)}
	}
	if p := c.Pressure; p != nil {
		for name, stall := range map[string]*proc.Stall{"memory": p.Memory, "io": p.IO, "cpu": p.CPU} {
			if stall != nil && stall.Some != nil && stall.Full != nil {
				f.Pressure = append(f.Pressure, report.Pressure{Resource: name, Some: stall.Some.Avg10, Full: stall.Full.Avg10})
			}
		}
		slices.SortFunc(f.Pressure, func(a, b report.Pressure) int { return strings.Compare(a.Resource, b.Resource) })
	}
	if boot, ok := proc.Boot(g.now.readings["clock"].Text); ok {
		if up, ok := proc.Uptime(g.now.readings["uptime"].Text); ok {
			f.NodeTime = boot.Add(up)
		}
	}
	var notes []string
	g.files, notes = inspect.OpenFiles(g.Look, g.now.readings, g.sockets)
	g.report.Notes = append(g.report.Notes, notes...)
	proc.SetOwners(g.sockets, g.files)
	judgeProcesses(g)
	judgeFiles(g)
	judgeConnections(g)
	judgeThreads(g)
}

func unknown() report.Usage { return report.Usage{Used: report.Unknown, Limit: report.Unknown} }

func number[T int | int64 | uint64](n *T) int64 {
	if n == nil {
		return report.Unknown
	}
	return int64(*n)
}

func limit(n *uint64) int64 {
	if n == nil {
		return report.Unlimited
	}
	return int64(*n)
}

func thousandths(n *float64) int64 {
	if n == nil {
		return report.Unknown
	}
	return int64(*n * 1000)
}

func thousandthsOrNone(n *float64) int64 {
	if n == nil {
		return report.Unlimited
	}
	return thousandths(n)
}

func judgeProcesses(g *gathering) {
	before := map[int]int64{}
	for _, p := range g.before.processes {
		before[p.PID] = number(p.OpenFiles)
	}
	groups := map[int]proc.FileGroup{}
	for _, group := range proc.GroupFiles(g.files) {
		if group.Count > groups[group.PID].Count && group.Type != proc.TypeSocket {
			groups[group.PID] = group
		}
	}
	for _, p := range g.now.processes {
		was, known := before[p.PID]
		if !known {
			was = report.Unknown
		}
		cpu := report.Unknown
		if p.CPUPercent != nil {
			cpu = int64(*p.CPUPercent * 10)
		}
		g.report.facts.Processes = append(g.report.facts.Processes, report.Process{
			PID: p.PID, Parent: p.PPID, Name: p.Name, State: p.State, CPU: cpu,
			Descriptors: report.Usage{Used: number(p.OpenFiles), Limit: limit(p.OpenFilesLimit)}, Before: was,
			Most: groups[p.PID].Name, MostCount: groups[p.PID].Count,
		})
	}
}

// judgeFiles finds deleted files, and how large the disk is that they are on.
func judgeFiles(g *gathering) {
	list, _ := proc.Deleted(g.files)
	for _, file := range list {
		d := report.DeletedFile{PID: file.PID, FD: file.FD, Name: file.Path, Bytes: max(number(file.HeldBytes), 0), Disk: report.Unknown}
		var on string
		for _, system := range g.report.facts.FileSystems {
			if proc.Under(file.Path, system.Mount) && len(system.Mount) >= len(on) {
				on, d.Disk = system.Mount, system.Bytes.Limit
			}
		}
		for _, v := range g.Target.Pod.Spec.Volumes {
			if v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil && mountedAt(g.Target.Pod, g.Target.Container, v.Name, on) {
				d.Disk = v.EmptyDir.SizeLimit.Value()
			}
		}
		g.report.facts.Deleted = append(g.report.facts.Deleted, d)
	}
}

func mountedAt(pod *corev1.Pod, container, volume, point string) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == container && slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume && m.MountPath == point })
	})
}

func judgeConnections(g *gathering) {
	type key struct {
		state, peer string
		pid         int
	}
	counts, names := map[key]int{}, map[int]string{}
	for _, s := range g.sockets {
		if !strings.HasPrefix(s.Protocol, "tcp") || s.Peer() == "" {
			continue
		}
		k := key{state: s.State, peer: s.Peer()}
		if len(s.Owners) > 0 {
			k.pid = s.Owners[0].PID
			names[k.pid] = s.Owners[0].Command
		}
		counts[k]++
	}
	for k, n := range counts {
		g.report.facts.Connections = append(g.report.facts.Connections, report.Connections{State: k.state, Peer: k.peer, PID: k.pid, Process: names[k.pid], Count: n})
	}
	slices.SortFunc(g.report.facts.Connections, func(a, b report.Connections) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Peer, b.Peer), strings.Compare(a.State, b.State), cmp.Compare(a.PID, b.PID))
	})
}

// judgeThreads finds what threads wait for in both samples.
func judgeThreads(g *gathering) {
	objects := map[[2]int]string{}
	for i := range g.files {
		objects[[2]int{g.files[i].PID, g.files[i].FD}] = g.files[i].Path
	}
	g.threads = proc.GroupThreads(proc.Threads(g.before.readings, g.now.readings, g.PIDs(), func(pid, fd int) string { return objects[[2]int{pid, fd}] }))
	earlier := map[string]bool{}
	for _, t := range proc.Threads(nil, g.before.readings, g.PIDs(), func(int, int) string { return "" }) {
		earlier[fmt.Sprint(t.PID, t.State, t.Channel)] = true
	}
	names := map[int]string{}
	for _, p := range g.Processes {
		names[p.PID] = p.Name
	}
	for _, t := range g.threads {
		if t.State == "Z" || !earlier[fmt.Sprint(t.PID, t.State, t.Channel)] {
			continue
		}
		what, stuck := stuckIn(t)
		g.report.facts.Waits = append(g.report.facts.Waits, report.Wait{PID: t.PID, Process: names[t.PID], State: t.State, For: what, Count: t.Count, Stuck: stuck})
	}
}

// stuckIn says what a thread waits for, and whether that is nothing that healthy programs wait for: a FIFO that nobody else has
// opened, or a lock on a file. The channels are functions of the kernel (fs/pipe.c, fs/locks.c).
func stuckIn(t proc.Thread) (what string, stuck bool) {
	switch {
	case t.State == "T":
		return "a CONT signal: it is stopped", true
	case t.Channel == "wait_for_partner", t.Channel == "fifo_open":
		return "another process to open the other end of a FIFO", true
	case strings.HasPrefix(t.Channel, "flock_lock"), strings.HasPrefix(t.Channel, "posix_lock"), strings.HasPrefix(t.Channel, "locks_lock"):
		return "a lock on " + cmp.Or(t.Object, "a file"), true
	}
	return t.WaitsOn(), false
}

// compare notes in each report what its pod has otherwise than most.
func compare(reports []Report) {
	const fewest = 3 // of two, neither is the odd one
	if len(reports) < fewest {
		return
	}
	names := map[string]bool{}
	for _, r := range reports {
		for name := range r.traits {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		counts := map[string]int{}
		for _, r := range reports {
			counts[cmp.Or(r.traits[name], "not set")]++
		}
		common := slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
		if counts[common]*2 <= len(reports) {
			continue
		}
		for i := range reports {
			if here := cmp.Or(reports[i].traits[name], "not set"); here != common {
				reports[i].facts.Odd = append(reports[i].facts.Odd, report.Oddity{Name: name, Here: here, Others: common})
			}
		}
	}
}

// sections puts what is known in order.
func (g *gathering) sections(events []corev1.Event, log, previous []string) {
	all := []report.Section{
		stateSection(g.Target.Pod, g.Target.Container), eventSection(events), processSection(g), usageSection(g), fileSection(g),
		connectionSection(g), threadSection(g), fileSystemSection(g), g.changed,
		{Title: fmt.Sprintf("Last %d lines of the log before the restart", logLines), Lines: previous},
		{Title: fmt.Sprintf("Last %d lines of the log", logLines), Lines: log},
	}
	g.report.Sections = slices.DeleteFunc(all, func(s report.Section) bool { return len(s.Rows) < 2 && len(s.Lines) == 0 })
}

func processSection(g *gathering) report.Section {
	s := report.Section{Title: "Processes", Rows: [][]string{{"PID", "PPID", "USER", "STATE", "%CPU", "TIME", "RSS", "THREADS", "FDS", "START (UTC)", "COMMAND"}}}
	for _, p := range g.now.processes {
		s.Rows = append(s.Rows, []string{
			fmt.Sprint(p.PID), fmt.Sprint(p.PPID), p.UserCell(), p.State, p.CPUCell(), p.TimeCell(), output.HumanBytes(p.RSS), fmt.Sprint(p.Threads),
			p.FilesCell(), p.Start.UTC().Format(time.DateTime), p.CommandCell(),
		})
	}
	return s
}

func usageSection(g *gathering) report.Section {
	f := g.report.facts
	s := report.Section{Title: "Memory, CPU and PIDs", Rows: [][]string{{"RESOURCE", "USED", "LIMIT", "NOTE"}}}
	text := func(n int64, format func(int64) string) string {
		switch n {
		case report.Unknown:
			return "-"
		case report.Unlimited:
			return "none"
		}
		return format(n)
	}
	millis := func(n int64) string { return fmt.Sprint(n, "m") }
	if f.Memory.Used >= 0 {
		note := "OOM kills: " + text(f.Memory.OOMKills, plain)
		if f.Memory.Swapped > 0 {
			note += ", in swap: " + output.HumanBytes(f.Memory.Swapped)
		}
		s.Rows = append(s.Rows, []string{"memory", text(f.Memory.Used, output.HumanBytes), text(f.Memory.Limit, output.HumanBytes), note})
	}
	if f.CPU.Used >= 0 {
		s.Rows = append(s.Rows, []string{"cpu", text(f.CPU.Used, millis), text(f.CPU.Limit, millis), fmt.Sprintf("throttled in %s of %s periods", text(f.CPU.Throttled, plain), text(f.CPU.Periods, plain))})
	}
	if f.PIDs.Used >= 0 {
		s.Rows = append(s.Rows, []string{"pids", text(f.PIDs.Used, plain), text(f.PIDs.Limit, plain), ""})
	}
	for _, p := range f.Pressure {
		s.Lines = append(s.Lines, fmt.Sprintf("pressure on %s in the last 10 seconds: some %.1f%%, full %.1f%%", p.Resource, p.Some, p.Full))
	}
	return s
}

func plain(n int64) string { return fmt.Sprint(n) }
