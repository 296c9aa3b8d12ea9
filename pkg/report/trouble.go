// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

func disks(f Facts) []Finding {
	var found []Finding
	for _, d := range f.FileSystems {
		where := d.Mount
		if d.Volume != "" {
			where += " (" + d.Volume + ")"
		}
		for _, u := range []struct {
			what string
			Usage
			text func(int64) string
		}{{"space", d.Bytes, bytes}, {"inodes", d.Inodes, func(n int64) string { return fmt.Sprint(n) }}} {
			percent, known := u.percent()
			if !known || percent < fullDisk {
				continue
			}
			severity := Warning
			if percent >= atLimit {
				severity = Critical
			}
			found = append(found, say(severity, "%s of %s is at %d%%: %s of %s", u.what, where, percent, u.text(u.Used), u.text(u.Limit))...)
		}
	}
	return found
}

func names(f Facts) []Finding {
	var failed []string
	for _, n := range f.Names {
		if n.Err != "" {
			failed = append(failed, n.Address+": "+n.Err)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	severity := Warning
	if len(failed) == len(f.Names) {
		severity = Critical
	}
	found := say(severity, "DNS does not answer: nameserver %s", strings.Join(failed, "; "))
	found[0].Try = "kubectl shareproc ss " + f.Command + " --to kubernetes.default.svc:443"
	return found
}

func connections(f Facts) []Finding {
	var found []Finding
	for _, c := range f.Connections {
		who := ""
		if c.PID > 0 {
			who = fmt.Sprintf(" of process %d (%s)", c.PID, c.Process)
		}
		switch {
		case c.State == "CLOSE_WAIT" && c.Count >= pile:
			found = append(found, say(Warning, "%d connections%s are in CLOSE_WAIT with %s: the peer has closed them, and the process has not", c.Count, who, c.Peer)...)
		case c.State == "SYN_SENT":
			found = append(found, say(Warning, "%s%s to %s: no answer (SYN_SENT)", count(int64(c.Count), "connection", "connections"), who, c.Peer)...)
		}
	}
	return found
}

func stuck(f Facts) []Finding {
	var found []Finding
	for _, w := range f.Waits {
		if w.Stuck && w.State != "D" {
			found = append(found, say(Warning, "%s of process %d (%s) %s for %s", count(int64(w.Count), "thread", "threads"), w.PID, w.Process, verb(w.Count, "waits", "wait"), w.For)...)
		}
	}
	return found
}

func uninterruptible(f Facts) []Finding {
	var found []Finding
	for _, w := range f.Waits {
		if w.State == "D" {
			found = append(found, say(Critical, "%s of process %d (%s) %s uninterruptible (state D) in %s: no signal ends that, a disk or mount does not answer",
				count(int64(w.Count), "thread", "threads"), w.PID, w.Process, verb(w.Count, "is", "are"), w.For)...)
		}
	}
	return found
}

func zombies(f Facts) []Finding {
	parents := map[int]int{}
	for _, p := range f.Processes {
		if p.State == "Z" {
			parents[p.Parent]++
		}
	}
	var found []Finding
	for parent, n := range parents {
		severity := Notice
		if n >= pile {
			severity = Warning
		}
		name := ""
		if i := slices.IndexFunc(f.Processes, func(p Process) bool { return p.PID == parent }); i >= 0 {
			name = " (" + f.Processes[i].Name + ")"
		}
		found = append(found, say(severity, "%s: process %d%s does not reap its children", count(int64(n), "zombie", "zombies"), parent, name)...)
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Text, b.Text) })
	return found
}

func certificates(f Facts) []Finding {
	var all []Finding
	for _, c := range f.Certs {
		var found []Finding
		switch left := c.NotAfter.Sub(f.Now); {
		case left <= 0:
			found = say(Critical, "the certificate of %s (%s) expired on %s", c.Address, c.Subject, c.NotAfter.UTC().Format(time.DateOnly))
		case left < certSoon:
			found = say(Warning, "the certificate of %s (%s) expires in %s", c.Address, c.Subject, count(int64(left/(24*time.Hour)), "day", "days"))
		default:
			continue
		}
		found[0].Try = "kubectl shareproc ss " + f.Command + " --to " + c.Address
		all = append(all, found...)
	}
	return all
}

func stale(f Facts) []Finding {
	if len(f.Stale) == 0 {
		return nil
	}
	list := make([]string, 0, len(f.Stale))
	for _, s := range f.Stale {
		list = append(list, s.Name+" ("+s.Source+")")
	}
	return say(Warning, "the container runs with an older configuration than there is now: %s", some(list))
}

func odd(f Facts) []Finding {
	if len(f.Odd) == 0 {
		return nil
	}
	list := make([]string, 0, len(f.Odd))
	for _, o := range f.Odd {
		list = append(list, fmt.Sprintf("%s is %s and not %s", o.Name, o.Here, o.Others))
	}
	found := say(Warning, "this pod is not like the others: %s", some(list))
	found[0].Try = "kubectl shareproc env " + cmp.Or(f.All, f.Command) + " --all-pods --diff"
	return found
}

func pressures(f Facts) []Finding {
	var found []Finding
	for _, p := range f.Pressure {
		if p.Resource != "cpu" && p.Full >= pressure {
			found = append(found, say(Warning, "all processes waited for %s %.0f%% of the last 10 seconds", p.Resource, p.Full)...)
		}
	}
	return found
}

func busyProcesses(f Facts) []Finding {
	if p, ok := f.busiest(); ok && p.CPU >= busy {
		return say(Notice, "process %d (%s) uses %dm of CPU", p.PID, p.Name, p.CPU)
	}
	return nil
}

func clock(f Facts) []Finding {
	if f.Now.IsZero() || f.NodeTime.IsZero() {
		return nil
	}
	if skew := f.NodeTime.Sub(f.Now); skew.Abs() >= clockSkew {
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		return say(Warning, "the clock of the node is %s %s the API server's", skew.Abs().Round(time.Second), direction)
	}
	return nil
}

func events(f Facts) []Finding {
	for _, e := range slices.Backward(f.Events) {
		if e.Type == corev1.EventTypeWarning && f.within(eventTime(e)) {
			return say(Notice, "the last warning of the cluster is from %s: %s: %s", clockOf(eventTime(e)), e.Reason, e.Message)
		}
	}
	return nil
}

func eventTime(e corev1.Event) time.Time {
	for _, t := range []time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.FirstTimestamp.Time} {
		if !t.IsZero() {
			return t
		}
	}
	return e.CreationTimestamp.Time
}

func (f Facts) within(t time.Time) bool { return f.Now.IsZero() || f.Now.Sub(t) < recent }

func bytes(n int64) string { return output.HumanBytes(n) }

func clockOf(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }

func reason(text string, without ...string) string {
	if text == "" || slices.Contains(without, text) {
		return ""
	}
	return " (" + text + ")"
}

func count(n int64, one, many string) string { return output.Plural(int(n), one, many) }

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// some names at most three.
func some(list []string) string {
	const named = 3
	if len(list) > named {
		return strings.Join(list[:named], ", ") + fmt.Sprintf(" and %d more", len(list)-named)
	}
	return strings.Join(list, ", ")
}
