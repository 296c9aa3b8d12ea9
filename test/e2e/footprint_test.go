// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

// A helper that runs adds at most 20 lines to what "kubectl describe pod" says of the pod.
func TestDescribeGrowsByTwentyLinesAtMost(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	lines := func() int {
		out, err := w.kubectl(t.Context(), "describe", "pod", "web", "--show-events=false")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(out, "\n")
	}
	for _, args := range [][]string{{"debug", "web", "--", "true"}, {"debug", "web", "--persist"}} {
		before := lines()
		if args[2] == "--persist" {
			leaveShell(t, w)
		} else if out, err := w.plugin(t.Context(), args...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if grown := lines() - before; grown < 5 || grown > 20 {
			t.Errorf("%q: %d lines more", args, grown)
		}
	}
}

// ours are the lines of "ps -o pid,comm,args" that are neither the target's, nor the user's command and shell, nor that ps. A
// busybox that runs its own applets shows how the command was started in place of its words.
func ours(screen string) (found []string) {
	for line := range strings.Lines(screen) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.Trim(fields[0], "0123456789") != "" {
			continue
		}
		args := strings.Join(fields[2:], " ")
		if !strings.HasPrefix(args, "nginx: ") && fields[1] != "ps" && args != "sh" && !strings.Contains(args, "SHAREPROC_SESSION") {
			found = append(found, args)
		}
	}
	return found
}

// In a shell, ps shows one line of a helper, and two more once a watchdog runs beside a shell that is a second old.
func TestProcessesOfOursInAShell(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	out, err := w.plugin(t.Context(), "debug", "web", "-q", "--", "ps", "-o", "pid,comm,args")
	if err != nil {
		t.Fatal(err)
	}
	if lines := ours(out); len(lines) != 1 || !strings.Contains(lines[0], " shareproc ") {
		t.Errorf("of ours are %q in %q", lines, out)
	}
	x := w.start(t, "debug", "web", "-q")
	x.expect("# ")
	w.awaitProcess(t, launch.WatchdogName)
	x.typed("stty cols 200; ps -o pid,comm,args; echo ov'er'\r")
	x.expect("over\r\n")
	x.typed("exit\r")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := ours(x.whole())
	watchdog := func(line string) bool { return strings.HasSuffix(line, launch.WatchdogName) }
	if len(lines) != 3 || !strings.Contains(lines[0], " shareproc ") || !watchdog(lines[1]) || !watchdog(lines[2]) {
		t.Errorf("of ours are %q in %q", lines, x.whole())
	}
}
