// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The first screen has what a person decides by; each command in it is one of these, with flags that it has.
func TestTheReadmesFirstScreen(t *testing.T) {
	text := readFile(t, "../../README.md")
	if n := strings.Count(text, "\n"); n > 200 {
		t.Errorf("%d lines, more than 200", n)
	}
	screen, _, _ := strings.Cut(text, "\n## ")
	if n := strings.Count(screen, "\n"); n > 34 {
		t.Errorf("the first screen has %d lines, more than 34", n)
	}
	for _, want := range []string{"kubectl krew ", "(docs/install.md)", "](docs/demo.svg)", "kubectl shareproc doctor", "What stays in the cluster"} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not on it", want)
		}
	}
	root := Root(newHarness(t).Deps)
	lines := regexp.MustCompile(`(?m)^    kubectl shareproc (.*?)  +# `).FindAllStringSubmatch(screen, -1)
	if len(lines) != 5 {
		t.Errorf("%d commands, not 5", len(lines))
	}
	for _, line := range lines {
		cmd, args, err := root.Find(strings.Fields(line[1]))
		if err != nil || cmd == root {
			t.Errorf("%s: no such command: %v", line[1], err)
			continue
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
	}
}

// What the README says of kubectl debug is what docs/comparison.md says, of which a test runs each row.
func TestTheReadmesTableIsTheComparisons(t *testing.T) {
	comparison := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(readFile(t, "../../docs/comparison.md"), -1)
	_, table, _ := strings.Cut(readFile(t, "../../README.md"), "| | `kubectl debug` | `kubectl shareproc` |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(table, -1)
	if len(rows) != 5 {
		t.Fatalf("%d rows, not 5", len(rows))
	}
	for _, row := range rows {
		if !slices.ContainsFunc(comparison, func(c []string) bool { return slices.Equal(c[1:], row[1:]) }) {
			t.Errorf("docs/comparison.md does not say %q", row[0])
		}
	}
}
