// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	ownPackages = "github.com/kubectl-shareproc/kubectl-shareproc/pkg/..."
	// walkVariable holds the command line that a run of TestWalksStayShort inside itself walks.
	walkVariable = "SHAREPROC_TEST_WALK"
	harnessOnly  = "none"
)

// A command enters no more own functions than these, beyond those that its --help enters too: what a reader has to
// know before the command is understood. A limit is raised for nothing but a new feature, in its commit.
func TestWalksStayShort(t *testing.T) {
	if line, ok := os.LookupEnv(walkVariable); ok {
		walk(t, line)
		return
	}
	if testing.Short() {
		t.Skip("the race tests count no functions")
	}
	pid := strconv.Itoa(startSleep(t))
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/tree/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "sub/b"} {
		if err := os.WriteFile(dir+"/tree/"+name, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", dir+"/tree/link"); err != nil {
		t.Fatal(err)
	}
	w := newWalks(t)
	// Each run of a line has a place of its own for what it makes.
	walked := func(line string) map[string]bool {
		return w.functions(strings.NewReplacer("PID", pid, "TREE", dir+"/tree", "NEW", t.TempDir()+"/new").Replace(line))
	}
	help := walked("--help")
	for _, c := range []struct {
		line        string
		limit, goal int
	}{
		{"debug web -- true", 158, 50},
		{"ps web", 265, 70},
		{"fs web PID TREE", 273, 70},
		{"cp --pid PID web:TREE NEW", 372, 90},
		{"cp --pid PID TREE web:NEW", 355, 90},
	} {
		// What watches a command that lasts longer than a second is no part of the walk: a slow machine walks again.
		fewest := beyond(help, walked(c.line))
		for range 2 {
			if fewest > c.limit {
				fewest = min(fewest, beyond(help, walked(c.line)))
			}
		}
		if fewest > c.limit {
			t.Errorf("%s: %d own functions, at most %d", c.line, fewest, c.limit)
		}
		t.Logf("%s: %d functions, at most %d, goal %d", c.line, fewest, c.limit, c.goal)
	}
}

// walk runs one command line, in a binary that counts.
func walk(t *testing.T, line string) {
	t.Helper()
	d := newHarness(t)
	if line == harnessOnly {
		return
	}
	if code := d.run(t.Context(), strings.Fields(line)...); code != 0 {
		t.Fatalf("%s: exit code %d: %s", line, code, d.errOut.String())
	}
}

// walks is this package's test binary, built to count, with what making a harness alone counts.
type walks struct {
	t       *testing.T
	binary  string
	harness map[string]int
}

func newWalks(t *testing.T) *walks {
	t.Helper()
	w := &walks{t: t, binary: filepath.Join(t.TempDir(), "plugin.test")}
	w.command("go", "test", "-c", "-covermode=count", "-coverpkg="+ownPackages, "-ldflags=-s -w", "-o", w.binary, ".")
	w.harness = w.blocks(harnessOnly)
	return w
}

func (w *walks) command(name string, args ...string) string {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// blocks says how often a command line entered each block, by the block's text in the profile.
func (w *walks) blocks(line string) map[string]int {
	w.t.Helper()
	profile := filepath.Join(w.t.TempDir(), "profile")
	w.command("env", walkVariable+"="+line, w.binary, "-test.run=^TestWalksStayShort$", "-test.coverprofile="+profile)
	file, err := os.Open(profile)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	counts := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		block, count, _ := cutLast(lines.Text())
		if n, err := strconv.Atoi(count); err == nil {
			counts[block] += n
		}
	}
	if err := lines.Err(); err != nil || len(counts) == 0 {
		w.t.Fatalf("%s: %d blocks, %v", line, len(counts), err)
	}
	return counts
}

// functions are those that a command line enters, without what making the harness does.
func (w *walks) functions(line string) map[string]bool {
	w.t.Helper()
	var text strings.Builder
	text.WriteString("mode: count\n")
	for block, n := range w.blocks(line) {
		fmt.Fprintf(&text, "%s %d\n", block, max(0, n-w.harness[block]))
	}
	profile := filepath.Join(w.t.TempDir(), "own")
	if err := os.WriteFile(profile, []byte(text.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	entered := map[string]bool{}
	for line := range strings.Lines(w.command("go", "tool", "cover", "-func="+profile)) {
		if name, percent, ok := cutLast(strings.TrimSpace(line)); ok && percent != "0.0%" && !strings.HasPrefix(name, "total:") {
			entered[name] = true
		}
	}
	return entered
}

func beyond(base, entered map[string]bool) int {
	n := 0
	for name := range entered {
		if !base[name] {
			n++
		}
	}
	return n
}

// cutLast takes the last word off a line.
func cutLast(line string) (before, last string, found bool) {
	i := strings.LastIndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	return strings.TrimSpace(line[:i]), line[i+1:], true
}
