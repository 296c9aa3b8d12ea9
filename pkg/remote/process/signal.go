// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Signal is a signal's number on Linux. The Numbers are those of x86, arm, riscv, s390 and ppc (signal(7)); a client
// on another system has others, so its own are no use here.
type Signal int

// The real-time signals, as glibc Numbers them: it keeps the first two for itself.
const (
	firstRealTime = 34
	lastSignal    = 64
)

// SignalNames are the names of signals 1 to 31, in order, without SIG.
func SignalNames() []string {
	return []string{
		"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
		"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
	}
}

// String is the signal's name without SIG, or its number where it has none.
func (s Signal) String() string {
	switch names := SignalNames(); {
	case s >= 1 && int(s) <= len(names):
		return names[s-1]
	case s == firstRealTime:
		return "RTMIN"
	case s == lastSignal:
		return "RTMAX"
	case s > firstRealTime && s < lastSignal:
		return fmt.Sprintf("RTMIN+%d", s-firstRealTime)
	default:
		return strconv.Itoa(int(s))
	}
}

// ParseSignal reads a name, with or without SIG and in either case, RTMIN+N and RTMAX-N too, or a number from 1 to 64.
func ParseSignal(text string) (Signal, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return Signal(n), n >= 1 && n <= lastSignal
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if offset, ok := strings.CutPrefix(name, "RTMIN"); ok {
		return realTime(firstRealTime, offset)
	}
	if offset, ok := strings.CutPrefix(name, "RTMAX"); ok {
		return realTime(lastSignal, offset)
	}
	i := slices.Index(SignalNames(), name)
	return Signal(i + 1), i >= 0
}

// realTime adds an offset with its sign, such as "+3", to a signal.
func realTime(base Signal, offset string) (Signal, bool) {
	if offset == "" {
		return base, true
	}
	n, err := strconv.Atoi(offset)
	s := base + Signal(n)
	return s, err == nil && (offset[0] == '+' || offset[0] == '-') && s >= firstRealTime && s <= lastSignal
}

// Kill sends a signal to a process that Processes returned, over a connection of its own. It succeeds also if the helper ends
// with that process. It is ErrNoProcess if that process has ended, also if another one has its PID now, and fs.ErrPermission
// without the process's user or CAP_KILL (kill(2)).
func Kill(ctx context.Context, r remote.Runner, p Process, s Signal) error {
	c := remote.Connect(ctx, r)
	defer func() { _ = c.Close() }()
	args := []string{c.Proc, strconv.Itoa(p.PID), strconv.FormatUint(p.StartTicks, 10), strconv.Itoa(int(s))}
	sent := false
	err := c.Ask(ctx, remote.Request{Verb: "signal", Args: args}, func(b *remote.Answer) error {
		_, err := b.ReadByte()
		sent = err == nil
		return nil
	})
	if _, broken := errors.AsType[*remote.BrokenError](err); broken && sent {
		return nil // The helper has died with the process.
	}
	if err != nil {
		return fmt.Errorf("send signal: %w", err)
	}
	return nil
}
