// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A Process is one with what it uses.
type Process struct {
	session.Process
	proc.Usage
}

// A Meter asks what processes use, again and again.
type Meter struct {
	Host *process.Host
	// Last is the sample that the next one is compared with: what is used of the processors is since then.
	Last proc.Sample
}

// Read asks what processes use now. One that has ended since it was listed is left out.
func (m *Meter) Read(ctx context.Context, processes []session.Process) ([]Process, error) {
	list := []Process{}
	if len(processes) == 0 {
		return list, nil
	}
	pids := make([]int, len(processes))
	for i, p := range processes {
		pids[i] = p.PID
	}
	readings, err := m.Host.Inspect(ctx, pids, proc.UsageFiles()...)
	if err != nil {
		return nil, err
	}
	usages := proc.Usages(readings, m.Last)
	m.Last = proc.NewSample(readings)
	for _, p := range processes {
		if used, ok := usages[p.PID]; ok {
			list = append(list, Process{p, used})
		}
	}
	return list, nil
}

// Wait waits for the time between two samples.
func Wait(ctx context.Context, interval time.Duration) error {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sortKeys are the values of --sort-by: what is used most comes first, then what has the lowest PID.
func sortKeys() map[string]func(a, b Process) int {
	return map[string]func(a, b Process) int{
		"cpu":     func(a, b Process) int { return -compareKnown(a.CPUPercent, b.CPUPercent) },
		"memory":  func(a, b Process) int { return -cmp.Compare(a.RSS, b.RSS) },
		"time":    func(a, b Process) int { return -compareKnown(a.CPUSeconds, b.CPUSeconds) },
		"fds":     func(a, b Process) int { return -compareKnown(a.OpenFiles, b.OpenFiles) },
		"threads": func(a, b Process) int { return -cmp.Compare(a.Threads, b.Threads) },
		"start":   func(a, b Process) int { return cmp.Compare(a.StartTicks, b.StartTicks) },
		"pid":     func(Process, Process) int { return 0 },
	}
}

// SortKeys are the values of --sort-by, in the order of the help.
func SortKeys() []string { return []string{"cpu", "memory", "time", "fds", "pid", "threads", "start"} }

// compareKnown puts what is not known below all that is.
func compareKnown[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

// Sort sorts processes by a value of --sort-by.
func Sort(list []Process, by string) {
	first := sortKeys()[by]
	slices.SortStableFunc(list, func(a, b Process) int { return cmp.Or(first(a, b), cmp.Compare(a.PID, b.PID)) })
}

// AddSort adds --sort-by, and AddInterval --interval.
func AddSort(cmd *cobra.Command, by *string, usual string) {
	cmd.Flags().StringVar(by, "sort-by", usual, "Sort by "+strings.Join(SortKeys(), ", ")+"; the first four and threads show what uses most first")
	cli.CompleteFlag(cmd, "sort-by", SortKeys()...)
}

// AddInterval adds --interval. zero says what 0 means.
func AddInterval(cmd *cobra.Command, interval *time.Duration, zero string) {
	cmd.Flags().DurationVar(interval, "interval", time.Second, "How long to measure CPU; 0 for "+zero)
}

// CheckUsage checks the two flags.
func CheckUsage(cmd *cobra.Command, by string, interval time.Duration) error {
	help := cmd.CommandPath() + " --help"
	if !slices.Contains(SortKeys(), by) {
		return cli.Usage(help, "--sort-by %s: must be one of %s", by, strings.Join(SortKeys(), ", "))
	}
	const longest = time.Minute
	if interval < 0 || interval > longest || interval > 0 && interval < 100*time.Millisecond {
		return cli.Usage(help, "--interval %s: must be 0, or from 100ms to %s", interval, longest)
	}
	return nil
}

// Cells of a table. "-" is what is not known.

// CPUCell is the share of a processor.
func (p Process) CPUCell() string {
	if p.CPUPercent == nil {
		return "-"
	}
	return strconv.FormatFloat(*p.CPUPercent, 'f', 1, 64)
}

// TimeCell is the time on a processor, as ps gives it.
func (p Process) TimeCell() string {
	if p.CPUSeconds == nil {
		return "-"
	}
	s := int64(*p.CPUSeconds)
	switch minutes, hours := s/60, s/3600; {
	case hours >= 100:
		return fmt.Sprintf("%dd%02dh", hours/24, hours%24)
	case hours > 0:
		return fmt.Sprintf("%d:%02d:%02d", hours, minutes%60, s%60)
	default:
		return fmt.Sprintf("%d:%02d", minutes, s%60)
	}
}

// FilesCell is the number of descriptors, and how many there may be.
func (p Process) FilesCell() string {
	switch {
	case p.OpenFiles == nil:
		return "-"
	case p.OpenFilesLimit == nil:
		return strconv.Itoa(*p.OpenFiles)
	default:
		return fmt.Sprintf("%d/%d", *p.OpenFiles, *p.OpenFilesLimit)
	}
}

// FilesStyle marks a process that is near its limit of descriptors.
func (p Process) FilesStyle() output.Style {
	percent, _ := p.FilesPercent()
	return Level(percent)
}

// Level is the style of a share of a limit.
func Level(percent float64) output.Style {
	if percent > nearLimit {
		return output.Red
	}
	return output.Plain
}

const nearLimit = 90

// UserCell is the user's name, or number.
func (p Process) UserCell() string { return cmp.Or(p.User, strconv.FormatUint(uint64(p.UID), 10)) }

// CommandCell is the command line; in brackets the name of a process that has none (proc(5), cmdline).
func (p Process) CommandCell() string {
	if len(p.Args) == 0 {
		return "[" + p.Name + "]"
	}
	return strings.Join(p.Args, " ")
}

// DeniedFiles is a note on processes whose descriptors the helper may not count; "" for none.
func DeniedFiles(list []Process) string {
	var pids []string
	reason := "they belong to another user"
	for _, p := range list {
		if p.OpenFiles != nil || p.State == "Z" || p.State == "X" {
			continue
		}
		if pids = append(pids, strconv.Itoa(p.PID)); p.Undumpable {
			reason = "they belong to another user, or changed their user without exec"
		}
	}
	const most = 5
	switch n := len(pids); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf("open files of %d processes cannot be counted (%s)", n, reason)
	default:
		return "open files of PID " + strings.Join(pids, ", ") + " cannot be counted (" + reason + ")"
	}
}
