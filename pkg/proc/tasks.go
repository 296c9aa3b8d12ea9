// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Task is a thread, as the kernel lists it.
type Task struct {
	TID, PPID int
	Name      string
	State     string
	// Ticks is the CPU time that it has used, Start when it began, since the node did: in hundredths of a second.
	Ticks, Start uint64
	// Channel is the kernel's function that it sleeps in; "" where it sleeps in none, or that is denied.
	Channel string
	// Call is the text of syscall; "" where that is denied, or the kernel has none.
	Call string
}

// Tasks reads what remote.Threads has of a process, in the order of their numbers. A thread that went away in between is left out.
func Tasks(r process.Reading) []Task {
	texts, order := map[int]map[string]string{}, []int{}
	r.Lines(func(path []string, text string) {
		if len(path) != 4 || path[1] != "task" {
			return
		}
		tid, err := strconv.Atoi(path[2])
		if err != nil {
			return
		}
		if texts[tid] == nil {
			texts[tid] = map[string]string{}
			order = append(order, tid)
		}
		// A name may have a newline in it.
		if before, again := texts[tid][path[3]]; again {
			text = before + "\n" + text
		}
		texts[tid][path[3]] = text
	})
	slices.Sort(order)
	var tasks []Task
	for _, tid := range order {
		task := Task{TID: tid, Call: texts[tid]["syscall"]}
		if channel := texts[tid]["wchan"]; channel != "0" {
			task.Channel = channel
		}
		if task.stat(texts[tid]["stat"]) {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// stat takes what counts from the text of stat. The name ends with the last parenthesis: it may hold any of them.
func (t *Task) stat(text string) bool {
	s, ok := ParseStat(text)
	open, last := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if !ok || open < 0 || last < open {
		return false
	}
	t.Name, t.State, t.PPID, t.Ticks, t.Start = text[open+1:last], s.State, s.PPID, uint64(s.CPU/tick), s.StartTicks
	return len(t.State) == 1
}

// A Thread is one thread of a process, or several of one that do the same.
type Thread struct {
	PID int `json:"pid"`
	// TIDs are their numbers, and Count how many there are.
	TIDs  []int `json:"tids"`
	Count int   `json:"count"`
	// Name has "*" for digits that differ.
	Name  string `json:"name"`
	State string `json:"state"`
	// CPU is what they use together, in thousandths of a CPU.
	CPU int `json:"cpuMillicores"`
	// Call is the system call that they are in, "" for none, and FD its descriptor, which leads to Object.
	Call   string `json:"syscall,omitempty"`
	FD     *int   `json:"fd,omitempty"`
	Object string `json:"object,omitempty"`
	// Channel is the kernel's function that they sleep in.
	Channel string `json:"waitChannel,omitempty"`
	// Parent is the process that has to collect the status of a zombie.
	Parent int `json:"parent,omitempty"`
	// Denied says that the kernel does not let the helper see the system call.
	Denied bool `json:"denied,omitempty"`
}

// Threads are those of processes, each by itself. Their CPU is that since before; where that is nil, since they began. name says
// what is behind a descriptor; "" where that is not known.
func Threads(before, now process.Readings, pids []int, name func(pid, fd int) string) []Thread {
	var threads []Thread
	machine := strings.TrimSpace(now[string(process.Machine)].Text)
	up, _ := Uptime(now["uptime"].Text)
	end := up.Seconds()
	for _, pid := range pids {
		used, began := map[int]uint64{}, -1.0
		if before != nil {
			earlier, _ := Uptime(before["uptime"].Text)
			began = earlier.Seconds()
			for _, task := range Tasks(before.Of(pid, "tasks")) {
				used[task.TID] = task.Ticks
			}
		}
		for _, task := range Tasks(now.Of(pid, "tasks")) {
			from := float64(task.Start) / ticksPerSecond
			ticks, known := used[task.TID]
			if known && ticks <= task.Ticks {
				from = began
			} else {
				ticks = 0
			}
			threads = append(threads, task.thread(pid, machine, millicores(task.Ticks-ticks, end-from), name))
		}
	}
	SortThreads(threads)
	return threads
}

// millicores is CPU time by the time that has passed, in thousandths. Both clocks are coarse: below one of their steps nothing is known.
func millicores(ticks uint64, seconds float64) int {
	if seconds < 1.0/ticksPerSecond {
		return 0
	}
	const most = 1e9
	return int(min(most, float64(ticks)/ticksPerSecond/seconds*1000))
}

func (t Task) thread(pid int, machine string, cpu int, name func(pid, fd int) string) Thread {
	thread := Thread{PID: pid, TIDs: []int{t.TID}, Count: 1, Name: t.Name, State: t.State, CPU: cpu, Channel: t.Channel}
	switch t.State {
	case "Z", "X":
		thread.Parent = t.PPID
		return thread
	case "R":
		// It was asleep when it was asked for the rest.
		thread.Channel = ""
		return thread
	}
	thread.Denied = t.Call == ""
	call, ok := ParseCall(t.Call, machine)
	if !ok {
		return thread
	}
	thread.Call = call.Name
	if call.FD >= 0 {
		thread.FD, thread.Object = &call.FD, name(pid, call.FD)
	}
	return thread
}

// WaitsOn says what the threads wait for in a few words; "" where that is not known.
func (t Thread) WaitsOn() string {
	switch t.State {
	case "R":
		return "(runs)"
	case "Z", "X":
		if t.Parent == 0 {
			return "its parent, outside of the pod"
		}
		return "its parent, PID " + strconv.Itoa(t.Parent)
	}
	text := t.Call
	if t.FD != nil {
		text += " " + strconv.Itoa(*t.FD)
	}
	if t.Object != "" {
		text += ": " + t.Object
	}
	switch {
	case text == "":
		text = t.Channel
	case t.Channel != "" && (t.State == "D" || strings.HasPrefix(t.Call, "open")):
		// The call alone does not say what for: a disk, or the other end of a named pipe.
		text += " in " + t.Channel
	}
	return cmp.Or(text, map[string]string{"T": "(stopped)", "t": "(traced)"}[t.State])
}

// GroupThreads puts threads of a process together that do the same and whose names differ in digits only.
func GroupThreads(threads []Thread) []Thread {
	type key struct {
		pid               int
		name, state, wait string
	}
	at := map[key]int{}
	var groups []Thread
	for _, t := range threads {
		k := key{t.PID, pattern(t.Name), t.State, t.WaitsOn()}
		i, ok := at[k]
		if !ok {
			at[k] = len(groups)
			groups = append(groups, t)
			continue
		}
		g := &groups[i]
		g.TIDs, g.Count, g.CPU = append(slices.Clone(g.TIDs), t.TIDs...), g.Count+t.Count, g.CPU+t.CPU
		if g.Name != t.Name {
			g.Name = k.name
		}
		if g.Channel != t.Channel {
			g.Channel = ""
		}
		g.Denied = g.Denied || t.Denied
	}
	SortThreads(groups)
	return groups
}

// pattern has one "*" for each number in a name.
func pattern(name string) string {
	var b strings.Builder
	digits := false
	for i := range len(name) {
		digit := name[i] >= '0' && name[i] <= '9'
		if !digit {
			b.WriteByte(name[i])
		} else if !digits {
			b.WriteByte('*')
		}
		digits = digit
	}
	return b.String()
}

// SortThreads puts first what can't be woken and what has ended, then what uses most CPU, then what is many.
func SortThreads(threads []Thread) {
	rank := map[string]int{"D": -2, "Z": -1}
	slices.SortStableFunc(threads, func(a, b Thread) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(b.CPU, a.CPU), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.PID, b.PID), slices.Compare(a.TIDs, b.TIDs))
	})
}
