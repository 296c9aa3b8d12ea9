// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Signal is a signal's number on Linux. The numbers are those of x86, arm, riscv, s390 and ppc (signal(7)); a client
// on another system has others, so its own are no use here.
type Signal int

// SIGTERM asks a process to end.
const SIGTERM Signal = 15

// lastSignal is the highest real-time signal.
const lastSignal = 64

// SignalNames are the names of signals 1 to 31, in order, without SIG.
func SignalNames() []string {
	return []string{
		"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
		"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
	}
}

// String is the signal's name without SIG, or its number where it has none.
func (s Signal) String() string {
	if names := SignalNames(); s >= 1 && int(s) <= len(names) {
		return names[s-1]
	}
	return strconv.Itoa(int(s))
}

// ParseSignal reads a name, with or without SIG and in either case, or a number from 1 to 64.
func ParseSignal(text string) (Signal, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return Signal(n), n >= 1 && n <= lastSignal
	}
	i := slices.Index(SignalNames(), strings.TrimPrefix(strings.ToUpper(text), "SIG"))
	return Signal(i + 1), i >= 0
}

// Kill sends a signal to a process that Processes returned, over a connection of its own. It is ErrNoProcess if that process has ended,
// also where another one has its PID now, and fs.ErrPermission if the helper may not signal it: that needs the
// process's user, or CAP_KILL (kill(2)).
func Kill(ctx context.Context, r Runner, p Process, s Signal) error {
	return kill(ctx, r, procDir, p, s)
}

func kill(ctx context.Context, r Runner, proc string, p Process, s Signal) error {
	args := []string{proc, strconv.Itoa(p.PID), strconv.FormatUint(p.StartTicks, 10), strconv.Itoa(int(s))}
	err := once(ctx, r, request{verb: "signal", args: args}, func(*bufio.Reader) error { return nil })
	if err != nil {
		return fmt.Errorf("send signal: %w", err)
	}
	return nil
}
