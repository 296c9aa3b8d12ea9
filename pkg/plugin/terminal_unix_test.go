// SPDX-License-Identifier: Apache-2.0

//go:build unix

package plugin

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// A file of a target has a terminal do nothing, unless its user wants that.
func TestFilesDoNothingToATerminal(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("\x1b]0;owned\x07 title\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"fs web PID F", "fs cat web PID F", "fs tail web PID F", "fs grep title web PID F", "cp --pid PID web:F -"} {
		for _, raw := range []bool{false, true} {
			hand, side, err := pty.Open()
			if err != nil {
				t.Skip(err)
			}
			d.Streams.Out = side
			args := strings.Fields(strings.NewReplacer("PID", pid, "F", file).Replace(line))
			if raw {
				args = append(args, "--raw")
			}
			code := d.run(t.Context(), args...)
			if raw && (args[1] == "grep" || args[0] == "cp") {
				if code == 0 {
					t.Errorf("%q has --raw", args)
				}
			} else if shown, err := bufio.NewReader(hand).ReadString('\n'); code != 0 || err != nil || strings.Contains(shown, "\x1b") != raw || !strings.Contains(shown, "title") {
				t.Errorf("%q: exit code %d, %q, %v; %s", args, code, shown, err, d.errOut.String())
			}
			_ = side.Close()
			_ = hand.Close()
		}
	}
}
