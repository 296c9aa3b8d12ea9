// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// A line is one above the table.
type line struct {
	text  string
	style output.Style
}

func texts(lines []line) (list []string) {
	for _, l := range lines {
		list = append(list, l.text)
	}
	return list
}

func styles(lines []line) (list []output.Style) {
	for _, l := range lines {
		list = append(list, l.style)
	}
	return list
}

// heading is what a container uses, of what it may use; a line is left out where nothing is known.
func heading(c *proc.Cgroup) (lines []line) {
	if c == nil {
		return nil
	}
	if c.Memory != nil {
		lines = append(lines, line{memoryText(c.Memory), memoryStyle(c.Memory)})
	}
	if c.CPU != nil {
		lines = append(lines, line{cpuText(c.CPU), cmp.Or(throttledStyle(c.CPU), cpuStyle(c.CPU))})
	}
	if c.PIDs != nil {
		lines = append(lines, line{"pids      " + of(c.PIDs.Used, c.PIDs.Limit, plain) + percent(c.PIDs.UsedPercent()), pidsStyle(c.PIDs)})
	}
	if c.Pressure != nil {
		text := "pressure"
		for _, p := range []struct {
			name string
			*proc.Stall
		}{{"cpu", c.Pressure.CPU}, {"memory", c.Pressure.Memory}, {"io", c.Pressure.IO}} {
			if p.Stall != nil && p.Some != nil {
				text += fmt.Sprintf("  %s %.0f%%", p.name, p.Some.Avg10)
			}
		}
		lines = append(lines, line{text + "  (share of the last 10s in which something waited)", output.Plain})
	}
	return lines
}

func memoryText(m *proc.Memory) string {
	text := "memory    " + of(m.Used, m.Limit, size) + percent(m.UsedPercent())
	if m.Peak != nil {
		text += ", peak " + size(*m.Peak)
	}
	if m.Cache != nil {
		text += ", page cache " + size(*m.Cache)
	}
	if m.Swap != nil && *m.Swap > 0 {
		text += ", in swap " + size(*m.Swap)
	}
	if m.OOMKills != nil {
		text += ", OOM kills " + plain(*m.OOMKills)
	}
	return text
}

func cpuText(c *proc.CPU) string {
	used := "-"
	if c.Used != nil {
		used = fmt.Sprintf("%.2f", *c.Used)
	}
	text := "cpu       " + used
	if c.Limit == nil {
		return text + " (no limit)"
	}
	text += " of " + strconv.FormatFloat(*c.Limit, 'f', -1, 64)
	text += percent(c.UsedPercent())
	if c.ThrottledPercent != nil {
		text += fmt.Sprintf(", throttled in %.0f%% of periods", *c.ThrottledPercent)
	}
	if all := c.ThrottledAltogether(); all != nil {
		text += fmt.Sprintf(", since the start %.0f%%", *all)
	}
	return text
}

// of is a part of its limit.
func of(used uint64, limit *uint64, word func(uint64) string) string {
	if limit == nil {
		return word(used) + " (no limit)"
	}
	return word(used) + " of " + word(*limit)
}

func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf(" (%.0f%%)", *p)
}

func plain(n uint64) string { return strconv.FormatUint(n, 10) }

func size(n uint64) string { return output.HumanBytes(int64(min(n, 1<<63-1))) } //nolint:gosec // below 1<<63

func number[T int | uint64](n *T) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// share is "USED/LIMIT", or USED where there is none.
func share(used uint64, limit *uint64, word func(uint64) string) string {
	if limit == nil {
		return word(used)
	}
	return word(used) + "/" + word(*limit)
}

func memoryCell(m *proc.Memory) string {
	if m == nil {
		return "-"
	}
	return share(m.Used, m.Limit, size)
}

func peakCell(m *proc.Memory) string {
	if m == nil || m.Peak == nil {
		return "-"
	}
	return size(*m.Peak)
}

func oomCell(m *proc.Memory) string {
	if m == nil {
		return "-"
	}
	return number(m.OOMKills)
}

func cpuCell(c *proc.CPU) string {
	text := "-"
	if c == nil {
		return text
	}
	if c.Used != nil {
		text = fmt.Sprintf("%.2f", *c.Used)
	}
	if c.Limit != nil {
		text += "/" + strconv.FormatFloat(*c.Limit, 'f', -1, 64)
	}
	return text
}

func throttledCell(c *proc.CPU) string {
	switch {
	case c == nil || c.Limit == nil:
		return "-"
	case c.ThrottledPercent != nil:
		return fmt.Sprintf("%.0f%%", *c.ThrottledPercent)
	case c.Used != nil:
		return "0%" // nothing ran
	}
	return "-"
}

func pidsCell(p *proc.PIDs) string {
	if p == nil {
		return "-"
	}
	return share(p.Used, p.Limit, plain)
}

func memoryStyle(m *proc.Memory) output.Style {
	if m == nil {
		return output.Plain
	}
	return level(m.UsedPercent())
}

func cpuStyle(c *proc.CPU) output.Style {
	if c == nil {
		return output.Plain
	}
	return level(c.UsedPercent())
}

func throttledStyle(c *proc.CPU) output.Style {
	if c != nil && c.ThrottledPercent != nil && *c.ThrottledPercent > 0 {
		return output.Yellow
	}
	return output.Plain
}

func pidsStyle(p *proc.PIDs) output.Style {
	if p == nil {
		return output.Plain
	}
	return level(p.UsedPercent())
}

func level(p *float64) output.Style {
	if p == nil {
		return output.Plain
	}
	return inspect.Level(*p)
}
