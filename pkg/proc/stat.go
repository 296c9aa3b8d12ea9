// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// tick is what stat counts time in: USER_HZ is 100 on every architecture that Kubernetes runs on.
const tick = time.Second / 100

// A Stat is what /proc/PID/stat says (proc(5)).
type Stat struct {
	PPID  int
	State string
	// CPU is the time on a processor, user and system.
	CPU time.Duration
	// Start is how long the node had been up when the process started.
	Start                    time.Duration
	StartTicks               uint64
	Threads, Nice, Processor int
	MinorFaults, MajorFaults uint64
}

// ParseStat reads a stat file. The name in it may hold anything, a closing parenthesis and a newline too.
func ParseStat(text string) (s Stat, ok bool) {
	end := strings.LastIndexByte(text, ')')
	f := strings.Fields(text[end+1:])
	const fields = 37 // from state, which is number 3, to processor, number 39
	if end < 0 || len(f) < fields {
		return Stat{}, false
	}
	ok = true
	signed := func(number int) int {
		n, err := strconv.Atoi(f[number-3])
		ok = ok && err == nil
		return n
	}
	count := func(number int) uint64 {
		n, err := strconv.ParseUint(f[number-3], 10, 64)
		ok = ok && err == nil
		return n
	}
	const most = uint64(1<<63-1) / uint64(tick)
	ticks := func(n uint64) time.Duration { return time.Duration(min(n, most)) * tick } //nolint:gosec // below 1<<63
	s = Stat{
		State: f[0], PPID: signed(4), MinorFaults: count(10), MajorFaults: count(12),
		CPU: ticks(min(count(14), most/2) + min(count(15), most/2)), Nice: signed(19), Threads: signed(20),
		StartTicks: count(22), Processor: signed(39),
	}
	s.Start = ticks(s.StartTicks)
	if !ok {
		return Stat{}, false
	}
	return s, true
}

// Stats are the stat files of processes, by PID, from the text with the key "each:stat".
func Stats(each process.Reading) map[int]Stat {
	stats := map[int]Stat{}
	for pid, text := range byPID(each) {
		if s, ok := ParseStat(text); ok {
			stats[pid] = s
		}
	}
	return stats
}

// byPID puts together the lines of each process's file.
func byPID(each process.Reading) map[int]string {
	texts := map[int]*strings.Builder{}
	each.Lines(func(path []string, line string) {
		pid, err := strconv.Atoi(path[0])
		if err != nil {
			return
		}
		if texts[pid] == nil {
			texts[pid] = &strings.Builder{}
		}
		texts[pid].WriteString(line + "\n")
	})
	whole := make(map[int]string, len(texts))
	for pid, text := range texts {
		whole[pid] = text.String()
	}
	return whole
}
